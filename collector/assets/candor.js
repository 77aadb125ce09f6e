// What the pages do beyond being read. They work without it.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Theme: at once, and remembered by the same address that works without a script.
  const root = document.documentElement;
  const dark = () => root.dataset.theme === "dark" || (root.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  const themeLink = document.querySelector("[data-theme-toggle]");
  const nameTheme = () => {
    const next = dark() ? "light" : "dark";
    const address = new URL(themeLink.href);
    address.searchParams.set("theme", next);
    themeLink.href = address;
    themeLink.textContent = themeLink.dataset[next];
    return next;
  };
  if (themeLink) {
    nameTheme();
    themeLink.addEventListener("click", (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      const address = themeLink.href;
      root.dataset.theme = nameTheme();
      nameTheme();
      fetch(address, { keepalive: true });
    });
  }

  // What a visitor likes is remembered, and what was just done is said once; neither is part of the view, so it leaves the address.
  const here = new URL(location.href);
  const passing = ["theme", "lang", "did", "done", "of"].filter((key) => here.searchParams.has(key));
  if (passing.length) {
    passing.forEach((key) => here.searchParams.delete(key));
    history.replaceState(null, "", here);
  }

  // Charts: the values of the point under the pointer, or under the arrow keys. They are read from the chart's table.
  const chart = (figure) => {
    const canvas = figure.querySelector(".canvas");
    const area = figure.querySelector(".area");
    const names = all("thead th", figure).slice(1).map((cell) => cell.textContent);
    const keys = all(".key", figure).map((key) => key.className);
    const rows = all("tbody tr", figure);
    if (!canvas || !rows.length) return;
    let at = -1, box, cross;
    const hide = () => { at = -1; box?.remove(); cross?.remove(); box = cross = undefined; };
    const show = (index) => {
      index = Math.max(0, Math.min(rows.length - 1, index));
      if (index === at) return;
      at = index;
      if (!box) {
        box = document.createElement("div");
        box.className = "read";
        box.setAttribute("role", "status");
        area.append(box);
        cross = document.createElementNS("http://www.w3.org/2000/svg", "line");
        cross.setAttribute("class", "cross");
        cross.setAttribute("y2", "150");
        canvas.append(cross);
      }
      const cells = [...rows[at].children].map((cell) => cell.textContent);
      const time = document.createElement("b");
      time.textContent = cells[0];
      // Where most values are none, only the others are read.
      const sparse = "sparse" in figure.dataset;
      box.replaceChildren(time, ...names.flatMap((name, series) => {
        if (sparse && !cells[series + 1]) return [];
        const line = document.createElement("div");
        const label = document.createElement("span");
        const value = document.createElement("span");
        label.textContent = name;
        label.className = keys[series] ?? "";
        value.textContent = cells[series + 1];
        line.append(label, value);
        return line;
      }));
      const share = (at + 0.5) / rows.length;
      cross.setAttribute("x1", share * 100 + "%");
      cross.setAttribute("x2", share * 100 + "%");
      const width = area.clientWidth, own = box.offsetWidth, x = share * width;
      box.style.left = (x + 12 + own <= width ? x + 12 : Math.max(0, x - 12 - own)) + "px";
    };
    const under = (event) => {
      const bounds = canvas.getBoundingClientRect();
      return Math.floor(((event.clientX - bounds.left) / bounds.width) * rows.length);
    };
    const narrow = () => {
      const { narrow: address, from, step } = figure.dataset;
      if (address && at >= 0) location.href = address + (Number(from) + (at + 1) * Number(step));
    };
    canvas.addEventListener("pointermove", (event) => show(under(event)));
    canvas.addEventListener("pointerleave", hide);
    canvas.addEventListener("blur", hide);
    canvas.addEventListener("click", (event) => {
      show(under(event));
      // A finger reads with its first touch and narrows with the second on the same point.
      if (event.pointerType === "touch" && figure.dataset.read !== String(at)) { figure.dataset.read = at; return; }
      narrow();
    });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step) { show((at < 0 ? (step > 0 ? -1 : rows.length) : at) + step); event.preventDefault(); }
      else if (event.key === "Home") { show(0); event.preventDefault(); }
      else if (event.key === "End") { show(rows.length - 1); event.preventDefault(); }
      else if (event.key === "Enter") narrow();
      else if (event.key === "Escape") hide();
    });
  };
  const charts = (within) => all("[data-chart]", within).forEach(chart);
  charts(document);

  // What scrolls takes the focus, so that arrow keys scroll it. It follows the window, and is no part of what the server said.
  const focusable = (box) => {
    if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };
  const boxes = new ResizeObserver((changed) => changed.forEach(({ target }) => focusable(target.closest(".scroll"))));
  const reach = (within) => all(".scroll", within).forEach((box) => {
    focusable(box);
    [box, ...box.children].forEach((part) => boxes.observe(part));
  });
  addEventListener("load", () => reach(document));

  // On a phone places scroll sideways: where one is has to be seen.
  const places = document.querySelector(".places"), place = places?.querySelector("[aria-current]");
  const seen = () => { places.scrollLeft = place.offsetLeft - places.offsetLeft - (places.clientWidth - place.offsetWidth) / 2; };
  if (place) { seen(); addEventListener("resize", seen); }

  // Copy a report as text. Where the clipboard is closed, the link leads to the text.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest?.("[data-copy]");
    if (!link || !navigator.clipboard || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    try {
      const answer = await fetch(link.href);
      if (!answer.ok) throw new Error(answer.status);
      await navigator.clipboard.writeText(await answer.text());
      const label = link.textContent;
      link.textContent = link.dataset.copied;
      setTimeout(() => { link.textContent = label; }, 1500);
    } catch { location.href = link.href; }
  });

  // Keys.
  const items = () => all("[data-list] [data-item]");
  const move = (step) => {
    const list = items();
    if (!list.length) return;
    const at = list.indexOf(document.activeElement);
    const next = list[Math.max(0, Math.min(list.length - 1, at < 0 ? (step > 0 ? 0 : list.length - 1) : at + step))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("focusin", () => {
    all("[data-at]").forEach((row) => delete row.dataset.at);
    const row = document.activeElement.closest?.("[data-list] tr, [data-list] li");
    if (row && document.activeElement.matches("[data-item]")) row.dataset.at = "";
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches?.("input, textarea, select");
    if (event.key === "Escape") {
      all("[data-menu][open]").forEach((menu) => { menu.open = false; });
      if (typing) event.target.blur();
      return;
    }
    if (typing) return;
    if (event.key === "/") {
      const filter = document.querySelector("[data-filter]");
      if (filter) { event.preventDefault(); filter.focus(); filter.select(); }
    } else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "x") document.querySelector("[data-at] [data-choose]")?.click();
    else if (event.key === "b") document.querySelector("#bulk .deed button")?.focus();
    else if (event.key === "r") document.querySelector("[data-resolve], [data-reopen]")?.click();
    else if (event.key === "n") document.querySelector("[data-older]")?.click();
    else if (event.key === "p") document.querySelector("[data-newer]")?.click();
  });

  // Choosing from a list: all of the page at once, and how many are chosen. Enter in a field does what its button does, and on
  // what is chosen nothing: a browser would press the first button of the form, which is there for this and does nothing.
  const choices = () => all("[data-choose]");
  const whole = document.querySelector("[data-all]");
  const chosen = document.querySelector("[data-chosen]");
  const count = () => {
    if (!whole) return;
    const many = choices().filter((box) => box.checked).length;
    chosen.textContent = many;
    whole.checked = many > 0 && many === choices().length;
    whole.indeterminate = many > 0 && !whole.checked;
    // On a phone the list comes first, and what is done with it when something is chosen.
    whole.form.toggleAttribute("data-none", many === 0);
  };
  if (whole) {
    whole.closest("label").hidden = false;
    whole.addEventListener("change", () => { choices().forEach((box) => { box.checked = whole.checked; }); count(); });
    document.addEventListener("change", (event) => { if (event.target.matches("[data-choose]")) count(); });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.matches?.("[data-choose], [data-all], .deed input")) return;
      event.preventDefault();
      event.target.closest(".deed")?.querySelector("button").click();
    });
    count();
  }

  // Live: every few seconds the same page is fetched, and the parts that changed are put in. Not while the page is hidden,
  // not under a pointer that reads a chart, not over a selection, and not when the visitor stopped it.
  const PERIOD = 5000;
  // A page that is dear to make is asked for less often: waiting takes at least this many times as long as the answer.
  const WAITING = 10;
  const button = document.querySelector("[data-live-toggle]");
  const parts = () => all("[data-part]");
  if (!button || !parts().length) return;
  let live = button.dataset.live === "true", timer, failures = 0, took = 0;
  // What the server said last of each part, so that what the visitor opened or the script added is no change.
  const last = new Map(parts().map((part) => [part.id, part.outerHTML]));
  const label = () => {
    button.textContent = live ? button.dataset.on : button.dataset.off;
    button.setAttribute("aria-pressed", live);
  };
  const busy = (part) => part.querySelector(".read") || (!getSelection().isCollapsed && part.contains(getSelection().anchorNode));
  const trace = (element) => element.closest("[data-item], a, summary, .canvas");
  const put = (part, fresh) => {
    const opened = all("details", part).map((details) => details.open);
    const scrolled = all(".scroll", part).map((box) => [box.scrollLeft, box.scrollTop]);
    const focused = part.contains(document.activeElement) ? trace(document.activeElement) : null;
    const place = focused && (focused.href ? `a[href="${CSS.escape(focused.getAttribute("href"))}"]` : null);
    const order = focused && all("a, summary, .canvas", part).indexOf(focused);
    const chosen = new Set(all("[data-choose]", part).filter((box) => box.checked).map((box) => box.value));
    part.replaceWith(fresh);
    all("[data-choose]", fresh).forEach((box) => { box.checked = chosen.has(box.value); });
    all("details", fresh).forEach((details, index) => { if (opened[index]) details.open = true; });
    all(".scroll", fresh).forEach((box, index) => { if (scrolled[index]) [box.scrollLeft, box.scrollTop] = scrolled[index]; });
    charts(fresh);
    reach(fresh);
    count();
    if (focused) (place && fresh.querySelector(place) || all("a, summary, .canvas", fresh)[order])?.focus({ preventScroll: true });
  };
  const refresh = async () => {
    const asked = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      took = performance.now() - asked;
      const page = new DOMParser().parseFromString(text, "text/html");
      const fresh = new Map(all("[data-part]", page).map((part) => [part.id, part]));
      const ids = parts().map((part) => part.id);
      // Another set of parts is another page, such as the first report of an app.
      if (ids.join() !== [...fresh.keys()].join()) { location.reload(); return; }
      for (const part of parts()) {
        const next = fresh.get(part.id), html = next.outerHTML;
        if (html === last.get(part.id) || busy(part)) continue;
        last.set(part.id, html);
        put(part, document.importNode(next, true));
      }
      failures = 0;
    } catch { failures += 1; }
    plan();
  };
  const plan = () => {
    clearTimeout(timer);
    if (live && !document.hidden) timer = setTimeout(refresh, Math.max(PERIOD, took * WAITING) * Math.min(8, 2 ** failures));
  };
  button.addEventListener("click", () => { live = !live; label(); if (live) refresh(); else clearTimeout(timer); });
  document.addEventListener("visibilitychange", () => { if (document.hidden) clearTimeout(timer); else if (live) refresh(); });
  button.hidden = false;
  label();
  plan();
})();
