/** @file Plain text on its way into HTML, and into plotly's small HTML: everything else in report/ handles plain text. */

const entities: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;" },
  ...{ '"': "&quot;", "'": "&#39;" },
};

/**
 * A text as HTML, for an element's content or a quoted attribute.
 *
 * @returns the same text with & < > " ' as entities
 */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => entities[letter]!);
}

/**
 * A text for a figure: plotly reads tags and entities in every title, name, label and annotation, and TeX between dollar signs
 * where the page has MathJax.
 */
export function figureText(text: string, { bold = false }: { readonly bold?: boolean } = {}): string {
  const shown = text.replace(/[&<>]/g, (letter) => entities[letter]!).replaceAll("$", "&#36;").replaceAll("\n", "<br>"); // prettier-ignore
  return bold ? `<b>${shown}</b>` : shown;
}
