// Chat templates for tests, written for them: the project's own small model's and three common manners.

export const NANO = `{% for message in messages %}<|{{ message.role }}|>
{{ message.content }}<|end|>
{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}`;

export const HEADER_STYLE = `{{- bos_token }}
{%- if not date_string is defined %}
  {%- set date_string = strftime_now("%d %b %Y") %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
  {%- set system_message = messages[0]['content']|trim %}
  {%- set messages = messages[1:] %}
{%- else %}
  {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Today: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
  {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
  {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}`;

export const CHATML = `{%- for m in messages -%}
{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false -%}{{ '<think>\\n\\n</think>\\n\\n' }}{%- endif -%}
{%- endif -%}`;

export const TURN_STYLE = `{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}`;

export const SILENT_SYSTEM = `{% for message in messages %}{% if message.role == 'user' %}[U] {{ message.content }} [/U]{% endif %}{% endfor %}`;

/** One template of each kind that other renderers are known to fail at. */
export const KINDS: Readonly<Record<string, string>> = {
  int_keys: `{%- set lengths = {0: 0, 256: 64, 512: 128} -%}{%- for m in messages -%}[{{ m.role }}]{{ m.content }}{%- endfor -%}[assistant]{{ lengths.get(512) }}`,
  tools_none_selectattr: `{%- set own = tools | selectattr('type', 'equalto', 'function') | list -%}{%- for m in messages -%}[{{ m.role }}]{{ m.content }}{%- endfor -%}[assistant]{% if own %}tools{% endif %}`,
  undefined_length: `{%- for m in messages -%}{%- if m.tool_calls | length > 0 -%}tools{%- endif -%}[{{ m.role }}]{{ m.content }}{%- endfor -%}[assistant]`,
  content_parts_only: `{%- for m in messages -%}[{{ m.role }}]{%- for part in m.content if part.type == 'text' -%}{{ part['text'] }}{%- endfor -%}{%- endfor -%}[assistant]`,
  thinking_always: `{%- for m in messages -%}[{{ m.role }}]{{ m.content }}{%- endfor -%}[assistant]{{ '<think>\\n' }}`,
};
