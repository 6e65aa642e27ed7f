// Measures a page as WCAG 2.2 AA asks, and returns what is wrong with it in sentences.
() => {
  const problems = [];
  const name = (element) => `<${element.tagName.toLowerCase()} class="${element.className.baseVal ?? element.className}"> ${element.textContent.trim().slice(0, 40)}`;
  const isShown = (element) => element.checkVisibility({ opacityProperty: false, visibilityProperty: true });
  const hidden = (element) => element.closest(".visually-hidden, .skip, [aria-hidden='true']");

  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) problems.push(`scrolls sideways: ${root.scrollWidth} of ${innerWidth}`);
  if (document.querySelectorAll("h1").length !== 1) problems.push("has not exactly one h1");
  if (document.querySelectorAll("main").length !== 1) problems.push("has not exactly one main");
  if (!document.title.trim()) problems.push("has no title");
  for (const element of document.querySelectorAll("[style]")) problems.push(`inline style: ${name(element)}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) problems.push(`id twice: ${id}`);
  for (const attribute of ["aria-describedby", "aria-labelledby"]) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) problems.push(`${attribute} leads nowhere: ${id}`);
      }
    }
  }
  for (const input of document.querySelectorAll("input:not([type=hidden]), textarea, select")) {
    if (!input.labels?.length && !input.getAttribute("aria-label")) problems.push(`no label: ${input.name}`);
    if (input.getAttribute("aria-invalid") === "true" && !input.getAttribute("aria-describedby")) problems.push(`an error that is not told: ${input.name}`);
  }
  for (const element of document.querySelectorAll("a[href], button, summary")) {
    if (!(element.getAttribute("aria-label") || element.textContent).trim()) problems.push(`no name: ${name(element)}`);
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    if (!isShown(heading)) continue;
    const now = Number(heading.tagName[1]);
    if (now > level + 1) problems.push(`leaves a level of headings out: ${name(heading)}`);
    level = now;
  }

  // Targets: 44 px high, and as wide where they are not text.
  for (const element of document.querySelectorAll("a[href], button, summary, label:has(input[type=radio]), input:not([type=hidden], [type=radio]), textarea")) {
    if (!isShown(element) || hidden(element)) continue;
    const box = element.getBoundingClientRect();
    if (element.matches(".gift-head a")) continue; // inside a sentence (2.5.8, inline)
    if (box.height < 43.5) problems.push(`a target ${Math.round(box.height)} px high: ${name(element)}`);
    if (box.width < 24) problems.push(`a target ${Math.round(box.width)} px wide: ${name(element)}`);
  }

  // Contrast of all text with what is behind it: 4.5, or 3 for large text.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const contrast = (one, other) => {
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!text || !isShown(element) || element.closest(".visually-hidden, .skip")) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(rgba(style.color), behind(element));
    if (ratio < (isLarge ? 3 : 4.5)) problems.push(`contrast ${ratio.toFixed(2)}: ${name(element)}`);
  }
  for (const input of document.querySelectorAll("input:not([type=hidden], [type=radio]), textarea")) {
    const style = getComputedStyle(input);
    const ratio = contrast(rgba(style.borderTopColor), behind(input.parentElement));
    if (ratio < 3) problems.push(`contrast of an edge ${ratio.toFixed(2)}: ${input.name}`);
    const hint = contrast(rgba(getComputedStyle(input, "::placeholder").color), behind(input));
    if (hint < 4.5) problems.push(`contrast of a hint ${hint.toFixed(2)}: ${input.name}`);
  }
  return problems;
}
