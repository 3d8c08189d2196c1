// What every page has: theme and row height, toasts, times that stay fresh, menus and dialogs, forms sent once.
// The other modules are fetched only where the page has something for them.

const html = document.documentElement;
html.classList.add("js");

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content;
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// --- Theme and row height: kept for the server in a cookie, so that the next page comes without a flash ---

function keep(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${name}=${value}; Path=/; Max-Age=${value ? 31536000 : 0}; SameSite=Lax${secure}`;
  try {
    value ? localStorage.setItem(name, value) : localStorage.removeItem(name);
  } catch { /* storage may be forbidden: the cookie does */ }
}

function show(name, value) {
  value ? html.setAttribute(`data-${name}`, value) : html.removeAttribute(`data-${name}`);
  for (const button of all(`[data-${name}-set]`)) {
    button.setAttribute("aria-pressed", String(button.getAttribute(`data-${name}-set`) === value));
  }
}

for (const name of ["theme", "density"]) {
  let kept = html.getAttribute(`data-${name}`) ?? "";
  try {
    kept = kept || localStorage.getItem(name) || "";
  } catch { /* as above */ }
  show(name, kept);
  if (kept) keep(name, kept);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(`[data-${name}-set]`);
    if (!button) return;
    const value = button.getAttribute(`data-${name}-set`);
    keep(name, value);
    show(name, value);
  });
}

// --- Toasts: errors stay until dismissed, the rest goes after a while unless it is looked at ---

const SHOWN_FOR = 8000;

function watchToast(toast) {
  if (toast.dataset.watched) return;
  toast.dataset.watched = "yes";
  if (toast.classList.contains("error") || toast.classList.contains("warning")) return;
  let timer = setTimeout(() => toast.remove(), SHOWN_FOR);
  const pause = () => clearTimeout(timer);
  const resume = () => { timer = setTimeout(() => toast.remove(), SHOWN_FOR); };
  toast.addEventListener("pointerenter", pause);
  toast.addEventListener("focusin", pause);
  toast.addEventListener("pointerleave", resume);
  toast.addEventListener("focusout", resume);
}

function say(sentence, kind = "success") {
  // What asks every half minute, and fails as often, says so once.
  if (all(".toast .said").some((said) => said.textContent === sentence)) return;
  const toast = document.createElement("div");
  toast.className = `toast ${kind}`;
  const said = document.createElement("div");
  said.className = "said";
  said.textContent = sentence;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.dataset.close = ".toast";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  toast.append(said, close);
  document.getElementById("toasts")?.append(toast);
  watchToast(toast);
}
document.addEventListener("desk:say", (event) => say(event.detail.sentence, event.detail.kind));

const toasts = document.getElementById("toasts");
if (toasts) {
  // Announced by screen readers only when it arrives after the region itself.
  const early = [...toasts.children];
  if (early.some((toast) => toast.matches(".error"))) html.dataset.refused = "yes";
  toasts.replaceChildren();
  requestAnimationFrame(() => requestAnimationFrame(() => toasts.append(...early)));
  new MutationObserver(() => all(".toast", toasts).forEach(watchToast)).observe(toasts, { childList: true, subtree: true });
}

// --- Times: counted from the desk's clock, which a demo may have moved ---

const behind = Date.parse(meta("now") ?? "") - Date.now() || 0;

const firstSeen = new WeakMap();

// What is left of a promise, in the words of tickets/sla/countdown.py; it stands still once its hours have closed.
function countDown(time) {
  const now = Date.now() + behind;
  if (!firstSeen.has(time)) firstSeen.set(time, now);
  const since = firstSeen.get(time);
  const until = Date.parse(time.dataset.until) || Infinity;
  const passed = Math.max(0, Math.min(now, until) - since) / 1000;
  time.textContent = inWords(Math.ceil(Number(time.dataset.left) - passed), "days" in time.dataset);
}

function inWords(seconds, inDays) {
  const minutes = Math.floor(Math.abs(seconds) / 60);
  const joined = (large, largeUnit, small, smallUnit) =>
    [large ? `${large} ${largeUnit}` : "", small || !large ? `${small} ${smallUnit}` : ""].filter(Boolean).join(" ");
  const length = minutes === 0 ? "under a minute"
    : inDays && minutes > 2880 ? joined(Math.floor(minutes / 1440), "d", Math.floor((minutes % 1440) / 60), "h")
    : joined(Math.floor(minutes / 60), "h", minutes % 60, "m");
  return `${length} ${seconds <= 0 ? "late" : "left"}`;
}

function refreshTimes() {
  all("time[data-left]").forEach(countDown);
  for (const time of all("time[data-ago]")) {
    const seconds = (Date.now() + behind - Date.parse(time.dateTime)) / 1000;
    if (Math.abs(seconds) >= 86400) continue;
    const short = time.dataset.ago === "short";
    const size = Math.abs(seconds);
    if (size < 60) {
      time.textContent = short ? "now" : "just now";
      continue;
    }
    const length = size < 3600 ? `${Math.floor(size / 60)} min` : `${Math.floor(size / 3600)} h`;
    time.textContent = seconds < 0 ? `in ${length}` : short ? length : `${length} ago`;
  }
}
setInterval(refreshTimes, 30000);
document.addEventListener("visibilitychange", () => document.hidden || refreshTimes());

// --- Forms are sent once ---

function release(form) {
  delete form.dataset.sent;
  for (const button of all("[aria-busy]", form)) button.removeAttribute("aria-busy");
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) all("form[data-sent]").forEach(release);
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest?.("form");
  if (form) release(form);
});

// --- Sign-up notes where the browser is ---

for (const input of all("input[data-time-zone]")) {
  if (!input.value) input.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}

// --- Small controls by attribute ---

document.addEventListener("click", (event) => {
  const target = event.target;
  if (!(target instanceof Element)) return;
  const asks = target.closest("[data-confirm]");
  if (asks && !window.confirm(asks.dataset.confirm)) {
    event.preventDefault();
    event.stopPropagation();
    return;
  }
  const opens = target.closest("[data-open]:not(a)");
  if (opens) {
    opens.closest("[popover]")?.hidePopover();
    document.querySelector(opens.dataset.open)?.showModal();
  }
  const closes = target.closest("[data-close]");
  if (closes) {
    const closed = closes.closest(closes.dataset.close);
    closed instanceof HTMLDialogElement ? closed.close() : closed?.remove();
  }
  if (target instanceof HTMLDialogElement) target.close();
  const copies = target.closest("[data-copy]");
  if (copies) navigator.clipboard?.writeText(copies.dataset.copy).then(() => say("Copied."));
  for (const menu of all("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
}, true);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.closest("form[data-autosubmit]")) field.form.requestSubmit();
  const form = field.closest("form");
  if (field.matches("[data-all]")) for (const box of all("tbody .select input", form)) box.checked = field.checked;
  if (form && (field.matches("[data-all]") || field.closest(".select"))) countTicked(form);
});

function countTicked(form) {
  const ticked = all("tbody .select :checked", form).length;
  for (const place of all("[data-selected]", form)) place.textContent = `${ticked} selected`;
  const every = form.querySelector("[data-all]");
  if (!every) return;
  every.checked = ticked > 0 && ticked === all("tbody .select input", form).length;
  every.indeterminate = ticked > 0 && !every.checked;
}

// --- htmx: what went wrong is said, never swallowed; focus is not lost by a swap ---

document.addEventListener("htmx:responseError", (event) => {
  const { status } = event.detail.xhr;
  if (status === 401) return location.reload();
  const sentences = {
    403: "You may not do that, or your session has ended. Reload the page and try again.",
    404: "That isn't there any more.",
    413: "That is too large.",
    429: "That was too often. Wait a minute and try again.",
    503: "The desk is unavailable for a moment. Nothing of yours was lost; try again shortly.",
  };
  say(sentences[status] ?? "That didn't work. Nothing was changed; try again.", "error");
});
document.addEventListener("htmx:sendError", () => say("No connection. Try again when you are online.", "error"));
document.addEventListener("htmx:timeout", () => say("That took too long. Try again.", "error"));

let focused = null, within = null;
document.addEventListener("htmx:beforeSwap", (event) => {
  focused = document.activeElement?.id || null;
  within = event.detail.target?.contains(document.activeElement) ? event.detail.target.id : null;
});
document.addEventListener("htmx:afterSettle", (event) => {
  refreshTimes();
  if (document.activeElement === document.body) {
    // What had the focus, or, where that is gone (a button that did its work), the part that it was in.
    const place = (focused && document.getElementById(focused)) || (within && document.getElementById(within));
    place?.focus({ preventScroll: place.id === within });
  }
  for (const count of all("[data-selected]")) countTicked(count.closest("form"));
  prepare(event.target instanceof Element ? event.target : document);
});

// --- What only some pages need ---

const wanted = {
  "js-forms": "form[data-draft], [data-shown-when], [data-composer], [data-preview], [data-guess-zone], .error, .errors, [data-page=entrance], .error-page",
  "js-files": "[data-uploader]",
};

async function prepare(root) {
  // Long lines of a log are scrolled by keyboard too.
  for (const block of all("pre", root)) if (block.scrollWidth > block.clientWidth || block.scrollHeight > block.clientHeight) block.tabIndex = 0;
  for (const [name, selector] of Object.entries(wanted)) {
    if (!document.querySelector(selector)) continue;
    const module = await import(meta(name));
    module.prepare(root);
  }
}
all("time[data-left]").forEach(countDown);
prepare(document);
