import '@fontsource-variable/figtree/wght.css';
import '../styles/base.css';
import '../styles/seats.css';
import '../styles/dialog.css';
import '../styles/desk.css';
import '../styles/scanner.css';
import { render } from 'preact';
import { restoreSession } from '../session.ts';
import { startDoor } from './door.ts';
import { keepPage } from './keep-page.ts';
import { ScannerPage } from './page.tsx';

restoreSession();
startDoor();
render(<ScannerPage />, document.getElementById('app') as HTMLElement);
// fonts too have come by then
addEventListener('load', () => void document.fonts.ready.then(keepPage).catch(console.warn));
