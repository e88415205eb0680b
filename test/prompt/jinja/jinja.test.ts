import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LimitReached } from '../../../src/prompt/jinja/budget.js';
import { parseChatTemplate } from '../../../src/prompt/jinja/render.js';

const CASES = JSON.parse(readFileSync(new URL('./cases.json', import.meta.url), 'utf8')) as {
  template: string;
  /** What jinja2 renders; absent where it raises an error. */
  want?: string;
}[];
const messages = [
  { role: 'system', content: 'SYS' },
  { role: 'user', content: 'USR' },
];
const render = (template: string): string => parseChatTemplate(template).render({ messages });

describe('parseChatTemplate', () => {
  it.each(CASES)('renders as jinja2 does: $template', ({ template, want }) => {
    if (want === undefined) expect(() => render(template)).toThrow();
    else expect(render(template)).toBe(want);
  });

  it('gives the date of one day, and the reason that a template raises', () => {
    expect(render("{{ strftime_now('%d %b %Y') }}")).toBe('26 Jul 2024');
    expect(() => render("{{ raise_exception('no ' ~ 'roles') }}")).toThrow('no roles');
  });

  it.each([
    ['a long range', '{% for i in range(900000000) %}x{% endfor %}'],
    ['loops within loops', '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}'],
    [
      'a text that doubles',
      "{% set n = namespace(x='aaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    ],
    [
      'a list that holds itself twice, again and again',
      '{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}',
    ],
    ['a text taken many times', "{{ 'a' * 900000000 }}"],
    ['a list taken many times', '{{ [1] * 900000000 }}'],
    ['a replacement by long texts', "{% set x = 'a' * 900000 %}{{ x.replace('a', x) }}"],
    ['a deep indent', "{{ 'a\\nb' | indent(900000000) }}"],
    ['a join by long texts', "{{ range(900000) | join('a' * 900000) }}"],
    ['a macro without end', '{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}'],
    [
      'a macro that branches',
      '{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}',
    ],
    ['slices of a long text', "{% set x = 'a' * 900000 %}{% for i in range(9999) %}{{ x[1] }}{% endfor %}"],
    ['a long output', "{% for i in range(9999) %}{{ 'a' * 9999 }}{% endfor %}"],
    ['texts compared', "{% set x = 'a' * 900000 %}{% for i in range(9999) %}{{ 'b' in x }}{% endfor %}"],
  ])('ends %s', (_what, template) => {
    expect(() => render(template)).toThrow(LimitReached);
  });

  it('has nothing of JavaScript for a template', () => {
    expect(
      render('{{ messages.constructor }}{{ messages.__proto__ }}{{ toString }}{{ {}.hasOwnProperty }}'),
    ).toBe('');
    expect(() => render("{{ ''.constructor.constructor('x') }}")).toThrow('undefined');
  });
});
