// The page's beginning.
import { render } from 'preact';
import { chooseEngine } from './engines/choose-engine.js';
import { keptToken } from './state/token.js';
import { App } from './view/app.js';

render(<App engine={chooseEngine(keptToken)} />, document.getElementById('app')!);
