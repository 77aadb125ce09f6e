// What of the page keeps somebody from reading or using it, by the rules of WCAG 2.2 (A and AA) that can be computed. Returns a list.
const wrong = [];
const say = (what, element) => wrong.push(what + ": " + element.outerHTML.slice(0, 160));
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const hidden = (one) => one.closest("[aria-hidden=true], [hidden], template, datalist") !== null;
const drawn = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && one.getClientRects().length > 0;
const said = (one) => (one.textContent || "").trim();

// The name that a control has for whoever does not see it.
const name = (one) => {
  const by = (one.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
  const named = by.map((id) => document.getElementById(id)).filter(Boolean).map(said).join(" ");
  const labels = [...(one.labels || [])].map(said).join(" ");
  return (named || one.getAttribute("aria-label") || labels || said(one) || one.getAttribute("alt") || "").trim();
};

// 1.1.1 Non-text content; 4.1.2 name, role, value.
for (const one of all("img")) if (!one.hasAttribute("alt")) say("picture without a text", one);
for (const one of all("svg[role=img]")) if (!name(one)) say("picture without a name", one);
for (const one of all("svg:not([role=img])")) if (!hidden(one) && !one.parentElement.closest("svg")) say("svg without a role", one);
for (const one of all("input:not([type=hidden]), select, textarea")) {
  if (!(one.getAttribute("aria-label") || [...one.labels].some(said))) say("field without a label", one);
}
for (const one of all("a[href], button, summary, [role=button], [role=link]")) if (!hidden(one) && !name(one)) say("control without a name", one);
for (const one of all("a:not([href])")) say("link that leads nowhere", one);
// 2.5.3 Label in name: what is seen is part of what is heard.
for (const one of all("a[aria-label], button[aria-label]")) {
  const seen = said(one).toLowerCase();
  if (/[a-z0-9\u4e00-\u9fff]/.test(seen) && !one.getAttribute("aria-label").toLowerCase().includes(seen)) say("another name than what is seen", one);
}

// 1.3.1 Info and relationships: headings, tables, lists, landmarks.
let level = 0;
for (const one of all("h1, h2, h3, h4, h5, h6")) {
  const next = Number(one.tagName[1]);
  if (next > level + 1) say("heading that skips a level", one);
  if (!said(one)) say("empty heading", one);
  level = next;
}
if (all("h1").length !== 1) wrong.push("headings of the first level: " + all("h1").length);
for (const one of all("table")) {
  if (!all("th", one).length) say("table without headers", one);
}
for (const one of all("th")) {
  // The first cells of rows are headers of their rows without saying so, where all of their column are.
  const first = one.parentElement.firstElementChild === one && one.closest("tbody");
  if (!first && !["row", "col", "rowgroup", "colgroup"].includes(one.getAttribute("scope"))) say("header of what", one);
  if (!said(one)) say("empty header", one);
}
for (const one of all("ul, ol")) {
  const odd = [...one.children].find((child) => !["LI", "SCRIPT", "TEMPLATE"].includes(child.tagName));
  if (odd) say("no item of a list", odd);
}
for (const one of all("dl > *, dl > div > *")) if (!["DT", "DD", "DIV"].includes(one.tagName)) say("neither term nor description", one);
for (const one of all("fieldset")) if (!one.querySelector("legend")) say("group without a name", one);
for (const one of ["header", "main", "footer"]) if (all("body > " + one).length !== 1) wrong.push("not one " + one);
const navs = all("nav").map((one) => one.getAttribute("aria-label") || "");
if (navs.some((label) => !label)) wrong.push("a navigation without a name");
if (new Set(navs).size !== navs.length) wrong.push("navigations of the same name: " + navs);

// 2.4.1 Bypass blocks, 2.4.2 title, 3.1.1 language, 1.4.4 zoom.
const skip = document.querySelector("a[href^='#']");
if (!skip || !document.querySelector(skip.getAttribute("href"))) wrong.push("nothing to skip to the content with");
if (!document.title.trim()) wrong.push("no title");
if (!/^(en|zh)$/.test(document.documentElement.lang)) wrong.push("no language");
const view = document.querySelector("meta[name=viewport]").content;
if (/user-scalable=no|maximum-scale/.test(view)) wrong.push("cannot be zoomed: " + view);

// 4.1.1 Ids are unique; references lead somewhere; ARIA is what there is.
const ids = all("[id]").map((one) => one.id);
for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) wrong.push("id twice: " + id);
for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "for", "list"]) {
  for (const one of all("[" + attribute + "]")) {
    for (const id of one.getAttribute(attribute).split(/\s+/)) if (!document.getElementById(id)) say(attribute + " leads nowhere", one);
  }
}
const ROLES = ["alert", "status", "img", "note", "region", "group", "list", "listitem", "table", "row", "cell", "button", "link", "navigation", "presentation", "none", "application", "slider", "figure", "tooltip", "log", "search", "tree", "treeitem"];
for (const one of all("[role]")) if (!ROLES.includes(one.getAttribute("role"))) say("no role", one);
const VALUES = {
  "aria-current": ["page", "step", "location", "date", "time", "true", "false"],
  "aria-pressed": ["true", "false", "mixed"],
  "aria-expanded": ["true", "false"],
  "aria-hidden": ["true", "false"],
  "aria-sort": ["ascending", "descending", "none", "other"],
  "aria-live": ["polite", "assertive", "off"],
  "aria-invalid": ["true", "false", "grammar", "spelling"],
};
const TEXTS = ["aria-label", "aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "aria-roledescription", "aria-valuetext", "aria-valuenow", "aria-valuemin", "aria-valuemax", "aria-keyshortcuts"];
for (const one of all("*")) {
  for (const { name: attribute, value } of one.attributes) {
    if (!attribute.startsWith("aria-")) continue;
    const values = VALUES[attribute];
    if (values ? !values.includes(value) : !TEXTS.includes(attribute) || !value.trim()) say(attribute, one);
  }
}

// 2.1.1 Keyboard, 2.4.3 focus order.
for (const one of all("[tabindex]")) if (Number(one.getAttribute("tabindex")) > 0) say("takes the focus before its turn", one);
for (const one of all("[aria-hidden=true] a[href], [aria-hidden=true] button, [aria-hidden=true] input, [aria-hidden=true] [tabindex='0']")) say("hidden, and takes the focus", one);
for (const one of all("[onclick]")) say("script in the page", one);
// What scrolls can be reached: it has something that takes the focus, or takes it itself.
for (const one of all(".scroll")) {
  if (one.scrollWidth > one.clientWidth + 1 && drawn(one) && one.tabIndex < 0 && !one.querySelector("a[href], button, input, select")) say("scrolls without the keyboard", one);
}

// 1.4.3 Contrast: every text against what is painted behind it, in both themes.
const colour = (text) => {
  const found = text.match(/[\d.]+/g);
  return found ? [...found.slice(0, 3).map(Number), found.length > 3 ? Number(found[3]) : 1] : null;
};
// Chromium tells colours as rgb(), rgba() or color(srgb r g b / a).
const parse = (text) => {
  const numbers = colour(text.replace("color(srgb", ""));
  return numbers && text.startsWith("color(srgb") ? [...numbers.slice(0, 3).map((n) => n * 255), numbers[3]] : numbers;
};
const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3])).concat(1);
const light = ([r, g, b]) => {
  const linear = (n) => ((n /= 255) <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
};
const behind = (one) => {
  const layers = [];
  for (let at = one; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    if (style.backgroundImage !== "none") return null;
    const ground = parse(style.backgroundColor);
    if (ground && ground[3] > 0) layers.push(ground);
    if (ground && ground[3] === 1) break;
  }
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
};
const contrasts = (theme) => {
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement;
    if (seen.has(one) || !walker.currentNode.data.trim() || !drawn(one) || one.closest("[disabled], .hide, .skip, script, style, option")) continue;
    seen.add(one);
    const style = getComputedStyle(one);
    const inside = one.closest("svg");
    const ink = parse(inside ? style.fill : style.color);
    // What a text in a chart stands on is what is drawn there, which styles do not tell; it is looked at on screenshots.
    const ground = behind(inside ? inside.parentElement : one);
    if (!ink || !ground) continue;
    const [a, b] = [light(over(ink, ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) say(theme + " contrast " + ratio.toFixed(2), one);
  }
};
// Colours that are on their way to others would be measured in between.
const was = document.documentElement.dataset.theme;
const sheet = new CSSStyleSheet();
sheet.replaceSync("*, *::before, *::after { transition: none !important; animation: none !important; }");
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
for (const theme of ["light", "dark"]) {
  document.documentElement.dataset.theme = theme;
  contrasts(theme);
}
document.documentElement.dataset.theme = was;
document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
return [...new Set(wrong)].slice(0, 40);
