/** An array as PostgreSQL prints it: element texts, null for NULL, lists for further dimensions. */
export type ArrayText = (string | null | ArrayText)[];

/** Reads `{a,NULL,"b,c"}`, also nested and with bounds (`[0:1]={…}`); undefined for any other text. */
export function parseArray(text: string): ArrayText | undefined {
  const start = text.startsWith('[') ? text.indexOf('=') + 1 : 0;
  if (text[start] !== '{') return undefined;
  const reader = { text, at: start };
  const list = readList(reader);
  return list !== undefined && reader.at === text.length ? list : undefined;
}

interface Reader {
  readonly text: string;
  at: number;
}

function readList(reader: Reader): ArrayText | undefined {
  const list: ArrayText = [];
  reader.at += 1;
  if (reader.text[reader.at] === '}') {
    reader.at += 1;
    return list;
  }
  for (;;) {
    const element = readElement(reader);
    if (element === undefined) return undefined;
    list.push(element);
    const separator = reader.text[reader.at];
    reader.at += 1;
    if (separator === '}') return list;
    if (separator !== ',') return undefined;
  }
}

function readElement(reader: Reader): string | null | ArrayText | undefined {
  const first = reader.text[reader.at];
  if (first === '{') return readList(reader);
  if (first === '"') return readQuoted(reader);
  const from = reader.at;
  while (reader.at < reader.text.length && !',}'.includes(reader.text[reader.at] ?? ''))
    reader.at += 1;
  const word = reader.text.slice(from, reader.at);
  return word === 'NULL' ? null : word.replace(/\\(.)/gs, '$1');
}

function readQuoted(reader: Reader): string | undefined {
  const from = reader.at + 1;
  let at = from;
  while (at < reader.text.length && reader.text[at] !== '"') at += reader.text[at] === '\\' ? 2 : 1;
  if (at >= reader.text.length) return undefined;
  reader.at = at + 1;
  return reader.text.slice(from, at).replace(/\\(.)/gs, '$1');
}
