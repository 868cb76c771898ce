import '@fontsource-variable/figtree/wght.css';
import '../styles/base.css';
import '../styles/seats.css';
import '../styles/dialog.css';
import '../styles/desk.css';
import '../styles/organiser.css';
import { render } from 'preact';
import { restoreSession } from '../session.ts';
import { OrganiserPage } from './page.tsx';
import { startOrganiser } from './sale.ts';

restoreSession();
startOrganiser();
render(<OrganiserPage />, document.getElementById('app') as HTMLElement);
