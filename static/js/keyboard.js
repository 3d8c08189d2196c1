// The desk by keyboard. Keys press what the page offers: data-key="a" on a control, data-go="q" on a view's link.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const shown = (element) => element.getClientRects().length > 0;
const OFF = "keys-off";

const dialog = document.getElementById("keys");
for (const button of all('[data-open="#keys"]')) button.hidden = false;

let on = true;
try {
  on = !localStorage.getItem(OFF);
} catch { /* on, then */ }
const choice = dialog?.querySelector("[data-keys-on]");
if (choice) {
  choice.checked = on;
  choice.addEventListener("change", () => {
    on = choice.checked;
    try {
      on ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "yes");
    } catch { /* for this page, then */ }
  });
}

function typing(target) {
  return target.closest?.('textarea, select, [contenteditable], input:not([type="checkbox"], [type="radio"], [type="button"], [type="submit"])');
}

let going = 0;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === "?") return help(event);
  if (!on || dialog?.open) return;
  const used = Date.now() < going ? go(event.key) : press(event.key);
  if (used) event.preventDefault();
});

function go(letter) {
  going = 0;
  const link = document.querySelector(`[data-go="${CSS.escape(letter)}"]`);
  link?.click();
  return Boolean(link);
}

function press(letter) {
  if (letter === "g" && document.querySelector("[data-go]")) {
    going = Date.now() + 1500;
    return true;
  }
  if (letter === "j" || letter === "k") return step(letter === "j" ? 1 : -1);
  if (letter === "o") return open();
  if (letter === "x") return tick();
  const wanted = `[data-key="${CSS.escape(letter)}"]`;
  const control = [...(current()?.querySelectorAll(wanted) ?? []), ...all(wanted)].find(shown);
  if (control) use(control);
  return Boolean(control);
}

function use(control) {
  if (control.matches("label")) {
    control.click();
    const text = control.closest("form")?.querySelector("textarea");
    text?.focus();
    text?.scrollIntoView({ block: "nearest" });
  } else if (control.matches("input, select, textarea")) {
    control.focus();
    control.select?.();
    if (control.matches("select")) control.showPicker?.();
  } else {
    control.click();
  }
}

// --- Rows: j and k move the focus from link to link, so that Enter and screen readers work as ever ---

const rows = () => all("[data-rows] > *").filter(shown);
const current = () => document.activeElement?.closest("[data-rows] > *") ?? document.querySelector("[data-rows] > [data-current]");

function step(by) {
  const list = rows();
  if (!list.length) return false;
  const here = list.indexOf(current());
  const next = list[here < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, here + by))];
  for (const row of list) row.toggleAttribute("data-current", row === next);
  const link = next.querySelector("[data-open]") ?? next.querySelector("a");
  link?.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function open() {
  const row = current();
  const link = row?.querySelector("a[data-open]") ?? row?.querySelector("a");
  link?.click();
  return Boolean(link);
}

function tick() {
  const box = current()?.querySelector('input[type="checkbox"]');
  box?.click();
  return Boolean(box);
}

// --- ? lists what this page answers to ---

function help(event) {
  if (!dialog) return;
  event.preventDefault();
  const list = dialog.querySelector("[data-keys]");
  list.replaceChildren(...lines().flatMap(([keys, words]) => entry(keys, words)));
  dialog.showModal();
}

function lines() {
  const found = [];
  if (document.querySelector("[data-rows]")) found.push(["j k", "Next, previous ticket"], ["o", "Open"], ["x", "Tick"]);
  const seen = new Set();
  for (const control of all("[data-key]").filter(shown)) {
    if (seen.has(control.dataset.key)) continue;
    seen.add(control.dataset.key);
    found.push([control.dataset.key, words(control, control.dataset.keyLabel)]);
  }
  if (document.querySelector("[data-send]")) found.push(["Ctrl Enter", "Send"]);
  for (const link of all("[data-go]")) found.push([`g ${link.dataset.go}`, words(link, link.dataset.keyLabel)]);
  found.push(["?", "This list"]);
  return found;
}

function words(control, label) {
  if (label) return label;
  const copy = control.cloneNode(true);
  for (const extra of all(".count, .vh, kbd", copy)) extra.remove();
  return copy.textContent.trim() || control.getAttribute("aria-label") || "";
}

function entry(keys, text) {
  const term = document.createElement("dt");
  term.textContent = text;
  const described = document.createElement("dd");
  for (const [index, name] of keys.split(" ").entries()) {
    if (index) described.append(" ");
    const kbd = document.createElement("kbd");
    kbd.textContent = name;
    described.append(kbd);
  }
  return [term, described];
}
