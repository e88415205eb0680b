// A chat template from what a server rendered with places for its messages.
// Knows texts; nothing of servers.

// Letters and digits only: no filter of a chat template changes them.
export const SLOTS = { system: 'pgenrmPlaceSystemQ4z', user: 'pgenrmPlaceUserQ4z' } as const;

/**
 * A Jinja template that prints the same around messages of these roles; null where `rendered` does not hold each place
 * once, in order. One that holds no place for a system message refuses it, so that it is put in front of the user's.
 */
export function renderedTemplate(rendered: string, roles: readonly (keyof typeof SLOTS)[]): string | null {
  let rest = rendered;
  const parts: string[] =
    roles.length === 1
      ? ["{% if messages[0].role != 'user' %}{{ raise_exception('no system role') }}{% endif %}"]
      : [];
  for (const [index, role] of roles.entries()) {
    const pieces = rest.split(SLOTS[role]);
    if (pieces.length !== 2) return null;
    parts.push(`{{ ${JSON.stringify(pieces[0])} }}{{ messages[${index}].content }}`);
    rest = pieces[1]!;
  }
  parts.push(`{{ ${JSON.stringify(rest)} }}`);
  return parts.join('');
}
