import type { OpenService } from '../service.ts';
import { fakeMail } from './fake-mail.ts';

export const openFakeMail: OpenService<'fake-mail'> = ({ config }) => ({
  ownServer: { app: fakeMail({ latencyMs: config.MAIL_LATENCY_MS }), port: config.FAKE_MAIL_PORT },
});
