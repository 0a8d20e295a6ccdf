/** The element below `root` that `selector` finds. Throws if the page lacks it. */
export function part<Kind extends Element>(root: ParentNode, selector: string, kind: new () => Kind): Kind {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page has no ${selector}.`);
  return found;
}

/** A copy of the one element that the template with this id holds. */
export function fromTemplate(id: string): HTMLElement {
  const template = part(document, `#${id}`, HTMLTemplateElement);
  return part(document.importNode(template.content, true), '*', HTMLElement);
}

/** An element with these properties and children. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  children: readonly (Node | string)[] = [],
): HTMLElementTagNameMap[Tag] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to be found.
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|\r(?!\n)/g;

/** What another person wrote. Browsers draw control characters each in their own way, or not at all: they become escapes. */
export function visibleText(text: string): string {
  return text.replaceAll(
    controls,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Text that is there for screen readers only. */
export function hiddenText(text: string): HTMLElement {
  return element('span', { className: 'visually-hidden', textContent: text });
}
