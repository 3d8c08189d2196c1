// Turns notifications on in this browser: asks for permission, subscribes, and hands the subscription to the desk.

const form = document.querySelector("form[data-push]");
const button = form.querySelector("[data-push-on]");
const said = form.querySelector("[data-push-said]");

const SENTENCES = {
  unsupported: "This browser can't show pages. On an iPhone or iPad, add the desk to the home screen first and open it from there.",
  denied: "Notifications of this site are blocked in this browser. Allow them in its settings for this site, then reload.",
  dismissed: "The browser's question was not answered, so nothing was turned on. Try again and choose Allow.",
  failed: "The browser could not reach its push service. Check its connection and try again.",
  on: "This device shows your pages.",
  off: "This device doesn't show your pages yet.",
};

function tell(state) {
  said.textContent = SENTENCES[state];
  button.hidden = !["off", "dismissed", "failed"].includes(state);
}

const supported = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

async function registration() {
  await navigator.serviceWorker.register(form.dataset.worker, { scope: "/", updateViaCache: "none" });
  return navigator.serviceWorker.ready;
}

async function digest(text) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function deviceName() {
  const agent = navigator.userAgent;
  const browser = /Edg\//.test(agent) ? "Edge" : /Firefox\//.test(agent) ? "Firefox" : /Chrome\//.test(agent) ? "Chrome" : /Safari\//.test(agent) ? "Safari" : "Browser";
  const system = /iPhone/.test(agent) ? "iPhone" : /iPad/.test(agent) ? "iPad" : /Android/.test(agent) ? "Android" : /Mac OS/.test(agent) ? "Mac" : /Windows/.test(agent) ? "Windows" : /Linux/.test(agent) ? "Linux" : "this device";
  return `${browser} on ${system}`;
}

async function current() {
  const known = await navigator.serviceWorker.getRegistration("/");
  return known?.pushManager.getSubscription() ?? null;
}

async function turnOn() {
  const answer = await Notification.requestPermission();
  if (answer !== "granted") return tell(answer === "denied" ? "denied" : "dismissed");
  try {
    const worker = await registration();
    await (await worker.pushManager.getSubscription())?.unsubscribe();
    const made = await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(form.dataset.key) });
    const { endpoint, keys } = made.toJSON();
    const values = { name: deviceName(), endpoint, p256dh: keys.p256dh, auth: keys.auth };
    for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
    form.requestSubmit();
  } catch {
    tell("failed");
  }
}

// Which of the listed devices is this one. Once it was removed here its subscription ends in the browser, too.
const REMOVING = "push-removing";

async function markThisOne(subscription) {
  const mine = subscription ? await digest(subscription.endpoint) : "";
  const row = mine ? document.querySelector(`[data-device="${mine}"]`) : null;
  const removing = sessionStorage.getItem(REMOVING);
  sessionStorage.removeItem(REMOVING);
  if (!row) {
    if (mine && removing === mine) await subscription.unsubscribe();
    return false;
  }
  row.querySelector("[data-this-device]").hidden = false;
  for (const asked of row.querySelectorAll("form[data-remove]")) {
    asked.addEventListener("submit", () => sessionStorage.setItem(REMOVING, mine));
  }
  return row.hasAttribute("data-usable");
}

async function begin() {
  if (!supported) return tell("unsupported");
  if (Notification.permission === "denied") return tell("denied");
  tell((await markThisOne(await current())) ? "on" : "off");
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    await turnOn();
    button.removeAttribute("aria-busy");
  });
}

begin();
