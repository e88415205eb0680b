// Asks for the token of a server that wants one.
import { useState } from 'preact/hooks';
import { keepToken } from '../state/token.js';

export function TokenForm({ done }: { done(): void }) {
  const [text, setText] = useState('');
  return (
    <div class="token">
      <label>
        Token of this server
        <input
          type="password"
          autoComplete="off"
          value={text}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <button
        type="button"
        class="main"
        disabled={text.trim() === ''}
        onClick={() => {
          keepToken(text);
          done();
        }}
      >
        Judge with it
      </button>
    </div>
  );
}
