/** Everything that Sluice left behind, as bytes or text, by place. */
export type Remains = Readonly<Record<string, string>>;

/**
 * Returns the canaries that were found, with place and encoding, such as `log: password as base64`. All usual encodings
 * are searched.
 */
export function sightings(canaries: Readonly<Record<string, string>>, remains: Remains): string[] {
  return Object.entries(remains).flatMap(([place, text]) => {
    const lower = text.toLowerCase();
    return Object.entries(canaries).flatMap(([name, canary]) =>
      Object.entries(encodings(canary))
        .filter(([, form]) => lower.includes(form.toLowerCase()))
        .map(([encoding]) => `${place}: ${name} ${encoding}`),
    );
  });
}

function encodings(canary: string): Record<string, string> {
  const bytes = Buffer.from(canary);
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The characters at both ends also depend on the neighbouring bytes.
    return [`as base64 (${shift})`, text.slice(shift === 0 ? 0 : shift + 1, -1)];
  });
  return {
    'as it is': canary,
    'in an address': encodeURIComponent(canary),
    'in a form': new URLSearchParams([['', canary]]).toString().slice(1),
    'as JSON': JSON.stringify(canary).slice(1, -1),
    'as JSON in JSON': JSON.stringify(JSON.stringify(canary)).slice(3, -3),
    'as hex': bytes.toString('hex'),
    ...(Object.fromEntries(base64) as Record<string, string>),
  };
}
