{% load static %}// Shows pages. It acknowledges nothing: a tap opens the page, whose button does.
const ICON = "{% static 'img/icon-192.png' %}";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  let page = {};
  try {
    page = event.data.json();
  } catch { /* shown all the same: a browser that shows nothing loses its subscription */ }
  const title = page.title || "Somebody is paging you.";
  const rings = String(page.tag ?? "").startsWith("page");
  event.waitUntil(self.registration.showNotification(title, {
    icon: ICON,
    badge: ICON,
    tag: page.tag || "pages",
    renotify: true,
    requireInteraction: rings,
    vibrate: rings ? [400, 200, 400, 200, 400] : [],
    data: { path: page.path || "/desk/on-call/" },
    actions: rings ? [{ action: "open", title: "Acknowledge" }] : [],
  }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const wanted = new URL(event.notification.data?.path ?? "/desk/on-call/", self.location.origin);
  const address = wanted.origin === self.location.origin ? wanted.href : `${self.location.origin}/desk/on-call/`;
  event.waitUntil(open(address));
});

async function open(address) {
  const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = tabs.find((tab) => new URL(tab.url).pathname === new URL(address).pathname);
  if (there) return there.focus();
  return self.clients.openWindow(address);
}
