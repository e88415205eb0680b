"""Fills in what jinja2 makes of each template in cases.json, with the settings of transformers.

    pip install jinja2 && python test/prompt/jinja/fill-cases.py
"""

import json
import pathlib

import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


environment = ImmutableSandboxedEnvironment(
    trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
)
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception

file = pathlib.Path(__file__).with_name("cases.json")
cases = json.loads(file.read_text(encoding="utf-8"))
for case in cases:
    case.pop("want", None)
    case.pop("fails", None)
    try:
        case["want"] = environment.from_string(case["template"]).render(
            messages=[
                {"role": "system", "content": "SYS"},
                {"role": "user", "content": "USR"},
            ],
            tools=None,
            documents=None,
        )
    except Exception:
        case["fails"] = True
lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
