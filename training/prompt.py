"""The compact prompt and the chat template, byte for byte what the model is trained on.

Also the list of added tokens: markers and fixed phrases of prompt and chain, each one token.
"""

INSTRUCTION = "Judge the responses as this user would."
HISTORY_START = "[The Start of User's preference history]"
HISTORY_END = "[The End of User's preference history]"
CRITERIA_START = "[The Start of User's stated criteria]"
CRITERIA_END = "[The End of User's stated criteria]"
NO_HISTORY = "No preference history is known for this user."
CONTROL_TOKENS = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
CHAT_TEMPLATE = ("{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n{% endfor %}"
                 "{% if add_generation_prompt %}<|assistant|>\n{% endif %}")


N_EVENT_TOKENS = 10                  # events whose labels are one token each


def chosen_label(k):
    return f"\nChosen {k}: "


def rejected_label(k):
    return f"\nRejected {k}: "


def event_end(k):
    return f"\n[The End of Event {k}]"


def system_message(history, criteria=""):
    """history: (prompt, chosen, rejected) texts, oldest first."""
    events = [f"User: {q.strip()}{chosen_label(k)}{c.strip()}{rejected_label(k)}{r.strip()}{event_end(k)}"
              for k, (q, c, r) in enumerate(history, 1)]
    text = f"{INSTRUCTION}\n\n{HISTORY_START}\n" + ("\n\n".join(events) or NO_HISTORY) + f"\n{HISTORY_END}"
    if criteria.strip():
        text += f"\n\n{CRITERIA_START}\n{criteria.strip()}\n{CRITERIA_END}"
    return text


def user_message(prompt, responses):
    parts = [f"[The Start of User Input]\n{prompt.strip()}\n[The End of User Input]"]
    for k, response in enumerate(responses, 1):
        parts.append(f"[The Start of Response {k}]\n{response.strip()}\n[The End of Response {k}]")
    return "\n\n".join(parts)


def render_system(system):
    return f"<|system|>\n{system}<|end|>\n"


def render_user(user):
    return f"<|user|>\n{user}<|end|>\n<|assistant|>\n"


def render(system, user):
    return render_system(system) + render_user(user)


def prompt_tokens():
    """Added tokens of the prompt side; no two of them overlap in a rendered prompt."""
    head = f"{INSTRUCTION}\n\n{HISTORY_START}\n"
    tokens = [head + "User: ", head + NO_HISTORY, "\n\nUser: ", f"\n{HISTORY_END}",
              f"\n\n{CRITERIA_START}\n", f"\n{CRITERIA_END}", "[The Start of User Input]\n", "\n[The End of User Input]"]
    for k in range(1, N_EVENT_TOKENS + 1):
        tokens += [chosen_label(k), rejected_label(k), event_end(k)]
    for k in range(1, 5):
        tokens += [f"\n\n[The Start of Response {k}]\n", f"\n[The End of Response {k}]"]
    return tokens
