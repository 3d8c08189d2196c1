// Forms: drafts that are never lost, fields shown when they matter, the first error in focus, preview, Ctrl+Enter.

const all = (selector, root) => [...(root.matches?.(selector) ? [root] : []), ...root.querySelectorAll(selector)];
const once = new WeakSet();
const person = document.body.dataset.user;

export function prepare(root) {
  for (const form of all("form[data-draft]", root)) if (fresh(form)) keepDraft(form);
  for (const part of all("[data-shown-when]", root)) if (fresh(part)) showWhen(part);
  for (const button of all("[data-preview]", root)) if (fresh(button)) preview(button);
  for (const form of all("form:has(textarea)", root)) sendByKey(form);
  for (const field of all("[data-guess-zone]", root)) if (fresh(field)) guessZone(field);
  focusFirstError(root);
}

// The browser knows where the person lives; they may say otherwise.
function guessZone(field) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && (!field.value || field.value === "UTC")) field.value = zone;
}

function fresh(element) {
  if (once.has(element)) return false;
  once.add(element);
  return true;
}

// --- Drafts. One per form and person, in this browser; a fortnight old ones are dropped. ---

const PREFIX = "draft:";
const FORTNIGHT = 14 * 86400000;

const key = (form) => `${PREFIX}${person}:${form.dataset.draft}`;

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

function write(name, draft) {
  try {
    draft ? localStorage.setItem(name, JSON.stringify(draft)) : localStorage.removeItem(name);
  } catch { /* full or forbidden: the form itself still has the text */ }
}

const keepable = (field) =>
  field.name && !field.disabled && !["hidden", "password", "file", "submit", "button"].includes(field.type) && field.name !== "csrfmiddlewaretoken";

function written(form) {
  const fields = {};
  for (const field of form.elements) {
    if (!keepable(field)) continue;
    if (field.type === "radio") {
      if (field.checked && !field.defaultChecked) fields[field.name] = field.value;
    } else if (field.type === "checkbox") {
      if (field.checked !== field.defaultChecked) fields[field.name] = field.checked;
    } else if (field.tagName === "SELECT") {
      if (![...field.options].every((option) => option.selected === option.defaultSelected) && field.value !== firstOf(field)) {
        fields[field.name] = field.value;
      }
    } else if (field.value !== field.defaultValue) {
      fields[field.name] = field.value;
    }
  }
  return fields;
}

const firstOf = (select) => ([...select.options].find((option) => option.defaultSelected) ?? select.options[0])?.value;

function restore(form, fields) {
  for (const field of form.elements) {
    if (!keepable(field) || !(field.name in fields)) continue;
    const value = fields[field.name];
    if (field.type === "radio") field.checked = field.value === value;
    else if (field.type === "checkbox") field.checked = value;
    else field.value = value;
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
}

// What was typed belongs to the version that it was typed into: restored into a newer one, it must not pass for that.
const version = (form) => form.elements.seen_version?.value;

// A hidden field's value isn't put back by a form's reset.
function setVersion(form, seen) {
  if (seen !== undefined && form.elements.seen_version) form.elements.seen_version.value = seen;
}

function keepDraft(form) {
  const name = key(form);
  const draft = read(name);
  const untouched = Object.keys(written(form)).length === 0;
  // A form that came back with errors carries what was typed already.
  const refused = form.querySelector(".error, .errors");
  if (draft && untouched && !refused) {
    const current = version(form);
    restore(form, draft.fields);
    setVersion(form, draft.version);
    tell(form, "Draft restored", () => {
      write(name, null);
      form.reset();
      setVersion(form, current);
      form.dispatchEvent(new Event("change", { bubbles: true }));
      tell(form, "");
    });
  }
  let timer;
  const save = () => {
    const fields = written(form);
    const empty = !Object.values(fields).some((value) => typeof value === "boolean" || String(value).trim());
    write(name, empty ? null : { fields, version: version(form), at: Date.now() });
    tell(form, empty ? "" : "Draft kept");
  };
  // This module comes after the page: what somebody typed meanwhile was heard by nobody.
  if (!untouched && (!draft || refused)) save();
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(save, 400);
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    save();
    remember(name);
  });
  window.addEventListener("pagehide", () => {
    if (form.isConnected && !form.dataset.sent) save();
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.target === form) write(name, null);
  });
}

function tell(form, words, discard) {
  const place = form.querySelector("[data-draft-note]");
  if (!place) return;
  place.textContent = words;
  if (!discard) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = "Discard";
  button.addEventListener("click", discard);
  place.append(button);
}

// A sent draft goes once the server has taken it: the next page came by redirect and is neither a log-in nor an error.
// A refusal, a lost session, a broken connection and an outage keep it.
const SENT = "draft-sent";

function remember(name) {
  try {
    sessionStorage.setItem(SENT, name);
  } catch { /* the draft stays, that is all */ }
}

function settleSent() {
  let name;
  try {
    name = sessionStorage.getItem(SENT);
    sessionStorage.removeItem(SENT);
  } catch {
    return;
  }
  const redirected = performance.getEntriesByType("navigation")[0]?.redirectCount > 0;
  const refused = document.querySelector("[data-page=entrance], .error-page") || document.documentElement.dataset.refused;
  if (name && redirected && !refused) write(name, null);
}

function dropOld() {
  try {
    for (const name of Object.keys(localStorage)) {
      if (name.startsWith(PREFIX) && Date.now() - (read(name)?.at ?? 0) > FORTNIGHT) localStorage.removeItem(name);
    }
  } catch { /* nothing kept */ }
}

settleSent();
dropOld();

// --- data-shown-when="category=3|7": seen only while that field has one of the values ---

function showWhen(part) {
  const [name, values] = part.dataset.shownWhen.split("=");
  const form = part.closest("form") ?? document.querySelector(`form [name="${CSS.escape(name)}"]`)?.form;
  if (!form) return;
  const look = () => {
    const value = new FormData(form).get(name) ?? "";
    part.hidden = values === undefined ? value === "" : !values.split("|").includes(String(value));
  };
  form.addEventListener("change", look);
  form.addEventListener("reset", () => setTimeout(look));
  look();
}

// --- Errors: the first one has the focus ---

function focusFirstError(root) {
  const wrong = root.querySelector('[aria-invalid="true"], .errors');
  wrong?.focus({ preventScroll: false });
}

// --- Preview of Markdown, rendered by the server ---

function preview(button) {
  const form = button.closest("form");
  const text = form.querySelector(button.dataset.preview || "textarea");
  const pane = document.createElement("div");
  pane.className = "preview prose";
  pane.hidden = true;
  pane.tabIndex = -1;
  text.after(pane);
  button.setAttribute("aria-pressed", "false");
  const back = () => {
    pane.hidden = true;
    text.hidden = false;
    button.setAttribute("aria-pressed", "false");
    text.focus();
  };
  button.addEventListener("click", async () => {
    if (!pane.hidden) return back();
    const body = new URLSearchParams({ text: text.value });
    const token = form.elements.csrfmiddlewaretoken?.value ?? "";
    const answer = await fetch(form.dataset.previewUrl, { method: "POST", body, headers: { "X-CSRFToken": token } }).catch(() => null);
    if (!answer?.ok) {
      document.dispatchEvent(new CustomEvent("desk:say", { detail: { sentence: "The preview is not available now.", kind: "error" } }));
      return;
    }
    pane.innerHTML = (await answer.text()) || "<p class=muted>Nothing to preview.</p>";
    text.hidden = true;
    pane.hidden = false;
    button.setAttribute("aria-pressed", "true");
    pane.focus();
  });
  form.addEventListener("submit", () => { text.hidden = false; });
  form.addEventListener("reset", back);
}

// --- Ctrl+Enter (Cmd+Enter) sends; the composer's text field is named after what it writes ---

function sendByKey(form) {
  if (!fresh(form.elements)) return;
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const shown = (button) => button.offsetParent !== null;
    const send = [...form.querySelectorAll("[data-send]")].find(shown) ?? [...form.querySelectorAll("button:not([type=button])")].find(shown);
    form.requestSubmit(send);
  });
  if (!form.matches("[data-composer]")) return;
  const name = () => {
    const mode = form.querySelector('[name="mode"]:checked');
    const label = mode?.closest("label")?.textContent.trim();
    const text = form.querySelector("textarea");
    if (label && text) text.setAttribute("aria-label", label);
  };
  form.addEventListener("change", (event) => {
    name();
    if (event.target.name === "mode" && event.isTrusted) form.querySelector("textarea").focus();
  });
  name();
}
