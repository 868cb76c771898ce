import '@fontsource-variable/figtree/wght.css';
import '../styles/base.css';
import '../styles/desk.css';
import '../styles/control.css';
import { render } from 'preact';
import { ControlRoom } from './page.tsx';
import { connect } from './room.ts';

connect();
render(<ControlRoom />, document.getElementById('app') as HTMLElement);
