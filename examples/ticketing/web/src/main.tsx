import '@fontsource-variable/figtree/wght.css';
import './styles/base.css';
import './styles/hero.css';
import './styles/seats.css';
import './styles/waiting.css';
import './styles/dialog.css';
import './styles/checkout.css';
import './styles/tickets.css';
import './styles/print.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { startSale } from './sale.ts';
import { restoreSession } from './session.ts';

restoreSession();
startSale();
render(<App />, document.getElementById('app') as HTMLElement);
