/** Words that can't be names everywhere, names that every object has already, and one that makes an object a promise. */
const taken = new Set([
  ...'await break case catch class const continue debugger default delete do else enum export extends false finally for function if'.split(
    ' ',
  ),
  ...'implements import in instanceof interface let new null package private protected public return static super switch this'.split(' '),
  ...'throw true try typeof var void while with yield arguments eval undefined then'.split(' '),
  ...Object.getOwnPropertyNames(Object.prototype),
]);

/** `/conv1/Conv_output_0` → `conv1ConvOutput0`. Letters of any script stay; what begins with no letter begins with `fallback`. */
export function camelCase(text: string, fallback: string): string {
  const [first, ...rest] = wordsOf(text);
  if (first === undefined) return fallback;
  const name = [/^\p{Lu}+$/u.test(first) ? first.toLowerCase() : lower(first), ...rest.map(upper)].join('');
  return safe(/^\p{ID_Start}/u.test(name) ? name : fallback + upper(name));
}

/** `resnet18-v1.onnx` → `Resnet18V1Onnx`, in the same way. */
export function pascalCase(text: string, fallback: string): string {
  const name = wordsOf(text).map(upper).join('');
  return /^\p{ID_Start}/u.test(name) ? name : fallback + name;
}

/** A name that none of `used` is, which it then is. */
export function unique(name: string, used: Set<string>): string {
  let result = name;
  for (let n = 2; used.has(result); n++) result = `${name}${/\d$/.test(name) ? '_' : ''}${n}`;
  used.add(result);
  return result;
}

/** Whether a word can be the name of anything. */
export function isIdentifier(word: string): boolean {
  return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(word) && !taken.has(word);
}

/** Whether a name has a meaning everywhere: that of a type or of a global value. */
export function isGlobal(name: string): boolean {
  return Object.hasOwn(globalThis, name) || types.has(name);
}
const types = new Set('any unknown never number bigint boolean string symbol object Readonly Record'.split(' '));

/** Text as a string literal in single quotes. Nothing in it ends the literal or the line, or turns the direction of writing. */
export function literal(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${visible(inner)}'`;
}

/** Text as a doc comment can hold it. */
export function inComment(text: string): string {
  return visible(JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')).replaceAll('*/', '*\\/').replaceAll('`', "'");
}

/** Characters that nobody sees, or that move others, as escapes. */
function visible(text: string): string {
  return text.replace(/[\p{C}\p{Z}]/gu, char => (char === ' ' ? char : escaped(char)));
}

const escaped = (char: string) =>
  Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');

const wordsOf = (text: string): string[] => text.normalize('NFC').match(/(?:(?!_)\p{ID_Continue})+/gu) ?? [];
const safe = (name: string) => (taken.has(name) ? `${name}_` : name);
const lower = (word: string) => word.replace(/^./u, c => c.toLowerCase());
const upper = (word: string) => word.replace(/^./u, c => c.toUpperCase());
