/** @file The few Python literals that stand in a .npy header. */

/** A literal's value; tuples and lists are arrays. */
export type Literal = string | number | boolean | null | readonly Literal[] | ReadonlyMap<string, Literal>;

const TOKEN =
  /\s*(?:(?<text>'[^'\\\n]*'|"[^"\\\n]*")|(?<number>-?\d+)L?|(?<word>True|False|None)|(?<mark>[{}()[\],:]))/y;
const MOST_DEEP = 16; // structured types nest, though not that deep

/** A dict, tuple, list, string (without escapes), integer, True, False or None; undefined if the text is no such literal. */
export function parseLiteral(text: string): Literal | undefined {
  const source = text.trimEnd();
  let at = 0;
  const next = (): Record<string, string | undefined> | undefined => {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    if (match) at = TOKEN.lastIndex;
    return match?.groups;
  };
  /** Whether this mark comes next, which is then behind. */
  const take = (mark: string): boolean => {
    const before = at;
    if (next()?.["mark"] === mark) return true;
    at = before;
    return false;
  };
  const value = (depth: number): Literal | undefined => {
    const token = depth > MOST_DEEP ? undefined : next();
    if (token?.["text"] !== undefined) return token["text"].slice(1, -1);
    if (token?.["number"] !== undefined) return Number(token["number"]);
    if (token?.["word"] !== undefined) return { True: true, False: false, None: null }[token["word"]];
    if (token?.["mark"] === "{") return dict(depth);
    if (token?.["mark"] === "(") return list(")", depth);
    if (token?.["mark"] === "[") return list("]", depth);
    return undefined;
  };
  /** The rest of a tuple or list; what stands in brackets without a comma is no tuple, but itself. */
  const list = (end: ")" | "]", depth: number): Literal | undefined => {
    const items: Literal[] = [];
    let hasComma = false;
    while (!take(end)) {
      const item = items.length === 0 || hasComma ? value(depth + 1) : undefined;
      if (item === undefined) return undefined;
      items.push(item);
      hasComma = take(",");
    }
    return end === ")" && items.length === 1 && !hasComma ? items[0] : items;
  };
  const dict = (depth: number): Literal | undefined => {
    const entries = new Map<string, Literal>();
    let hasComma = true;
    while (!take("}")) {
      const key = hasComma ? value(depth + 1) : undefined;
      const entry = typeof key === "string" && !entries.has(key) && take(":") ? value(depth + 1) : undefined;
      if (entry === undefined) return undefined;
      entries.set(key as string, entry);
      hasComma = take(",");
    }
    return entries;
  };
  const parsed = value(0);
  return at === source.length ? parsed : undefined;
}
