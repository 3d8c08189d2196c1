// Files: chosen, dropped anywhere on the form or pasted; sent at once with progress, removable until the form is sent.

const once = new WeakSet();

export function prepare() {
  for (const box of document.querySelectorAll("[data-uploader]")) {
    if (once.has(box)) continue;
    once.add(box);
    watch(box, box.closest("form"));
  }
}

function watch(box, form) {
  const list = box.querySelector("[data-files]");
  const picker = box.querySelector('input[type="file"]');
  if (!form || !list || !picker) return;
  list.setAttribute("aria-live", "polite");
  const running = new Set();
  const take = (files) => {
    for (const file of files) {
      const item = row(file.name, file.size);
      list.append(item.line);
      if (refuse(box, list, file, item)) continue;
      const upload = send(box, form, file, item).finally(() => running.delete(upload));
      running.add(upload);
    }
  };
  picker.addEventListener("change", () => {
    take([...picker.files]);
    picker.value = "";
  });
  receiveDrops(form, take);
  form.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    take(files.map(named));
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-remove]");
    if (button) remove(button, form, picker);
  });
  waitForFiles(form, running);
}

// A pasted screenshot is called image.png by every browser: the time tells them apart.
function named(file) {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const at = new Date().toLocaleTimeString("sv-SE").replaceAll(":", "-");
  return new File([file], file.name.replace("image", `screenshot-${at}`), { type: file.type });
}

function receiveDrops(form, take) {
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (by) => form.classList.toggle("dragging", (depth = Math.max(0, depth + by)) > 0);
  form.addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
  form.addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
  form.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  form.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(-depth);
    take([...event.dataTransfer.files]);
  });
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${Math.round(bytes / 1024)} kB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

function row(name, bytes) {
  const line = element("li", "file");
  const label = element("span", "clip", `${name} `);
  label.append(element("span", "muted", size(bytes)));
  const state = element("span", "muted", "waiting");
  const drop = element("button", "btn quiet short", "Remove");
  drop.type = "button";
  drop.dataset.remove = "";
  drop.setAttribute("aria-label", `Remove ${name}`);
  const progress = element("progress");
  progress.max = bytes || 1;
  progress.value = 0;
  progress.setAttribute("aria-label", `Sending ${name}`);
  line.append(label, state, drop, progress);
  return { line, state, drop, progress, name };
}

function fail(item, sentence) {
  item.line.classList.add("failed");
  item.state.textContent = "";
  item.progress.remove();
  item.line.append(element("span", "error", sentence));
}

function refuse(box, list, file, item) {
  const most = Number(box.dataset.maxBytes) || Infinity;
  const count = Number(box.dataset.maxCount) || Infinity;
  if (file.size === 0) fail(item, "This file is empty.");
  else if (file.size > most) fail(item, `This file is too large: at most ${size(most)}.`);
  else if (list.querySelectorAll(".file:not(.failed)").length > count) fail(item, `At most ${count} files can be attached.`);
  return item.line.classList.contains("failed");
}

function send(box, form, file, item) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", file, file.name);
    request.open("POST", box.dataset.uploadUrl);
    request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken?.value ?? "");
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      item.progress.max = event.total || 1;
      item.progress.value = event.loaded;
      item.state.textContent = event.loaded < event.total ? `${Math.floor((100 * event.loaded) / event.total)} %` : "checking";
    });
    request.addEventListener("load", () => {
      const answer = parse(request.responseText);
      if (request.status < 300 && answer?.id) arrived(item, answer);
      else fail(item, answer?.detail ?? refusal(request.status));
      resolve();
    });
    request.addEventListener("error", () => resolve(fail(item, "The connection broke. Remove it and try again.")));
    request.addEventListener("abort", () => resolve());
    item.line.stop = () => request.abort();
    request.send(body);
  });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refusal(status) {
  if (status === 413) return "This file is too large.";
  if (status === 401 || status === 403) return "Your session has ended. Log in again in another tab, then try again.";
  return "This file could not be sent. Remove it and try again.";
}

function arrived(item, answer) {
  const hidden = element("input");
  hidden.type = "hidden";
  hidden.name = "uploads";
  hidden.value = answer.id;
  item.progress.remove();
  item.state.textContent = "ready";
  if (answer.discard_url) item.drop.dataset.discardUrl = answer.discard_url;
  item.line.append(hidden);
}

function remove(button, form, picker) {
  const line = button.closest(".file");
  line.stop?.();
  const url = button.dataset.discardUrl;
  if (url) fetch(url, { method: "POST", headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken?.value ?? "" } }).catch(() => {});
  line.remove();
  picker.focus();
}

// The form waits for its files and then goes by itself.
function waitForFiles(form, running) {
  form.addEventListener("submit", (event) => {
    if (!running.size) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const button = event.submitter;
    if (form.dataset.waiting) return;
    form.dataset.waiting = "yes";
    button?.setAttribute("aria-busy", "true");
    Promise.all(running).then(() => {
      delete form.dataset.waiting;
      button?.removeAttribute("aria-busy");
      if (!form.querySelector(".file.failed")) form.requestSubmit(button);
    });
  }, true);
}
