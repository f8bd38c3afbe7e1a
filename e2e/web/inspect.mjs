// What is wrong with a page for somebody who uses a phone, a keyboard, a screen reader, or tired eyes. WCAG 2.2, by hand:
// reflow (1.4.10), contrast (1.4.3), names of controls (4.1.2), one heading of the page (1.3.1), ids that are unique.

/** The faults of the page as it stands, each as a sentence. */
export const faults = (page) => page.evaluate(() => {
  const found = new Set();
  const root = document.documentElement;
  const described = (element) => `<${element.tagName.toLowerCase()}${element.className?.baseVal ?? element.className ? ` class="${element.className?.baseVal ?? element.className}"` : ""}> ${(element.textContent ?? "").trim().slice(0, 40)}`;
  const visible = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  if (root.scrollWidth > root.clientWidth) found.add(`it is ${root.scrollWidth - root.clientWidth} px wider than the screen`);

  const name = (element) => {
    const by = element.getAttribute("aria-labelledby")?.split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
    const labels = [...(element.labels ?? [])].map((label) => label.textContent).join(" ");
    return [element.getAttribute("aria-label"), by, labels, element.textContent, element.title].find((text) => text?.trim());
  };
  for (const control of document.querySelectorAll("a[href], button, input, select, textarea, [role=switch], [role=meter], [role=img], [tabindex='0']")) {
    if (visible(control) && !name(control)) found.add(`no name: ${described(control)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.add(`two elements have the id ${id}`);
  for (const attribute of ["aria-labelledby", "aria-describedby", "for"]) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(" ")) if (!ids.includes(id)) found.add(`${attribute}="${id}" leads nowhere`);
    }
  }
  const headings = [...document.querySelectorAll("h1")].filter(visible).length;
  if (headings !== 1) found.add(`it has ${headings} first headings`);

  // Colours as the screen mixes them: every background on the way up, the nearest last.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !visible(element) || element.closest(":disabled, svg, .unseen, .skip, script, style, option, datalist")) continue;
    const style = getComputedStyle(element);
    const behind = [];
    for (let up = element; up; up = up.parentElement) behind.unshift(getComputedStyle(up).backgroundColor);
    const [text, ground] = [luminance(over([...behind, style.color])), luminance(over(behind))];
    const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.add(`contrast ${ratio.toFixed(2)}: ${described(element)}`);
  }
  return [...found];
});
