// Pages of long work in Django admin: parts marked data-refresh are fetched anew until the work is done. What is typed
// elsewhere on the page stays, and so do the parts themselves: what stands inside their data-inside is replaced where it
// has changed, so that a screen reader hears the sentence of role="status" once. Without JavaScript one looks again.
const parts = () => document.querySelectorAll("[data-refresh][id]");

async function refresh() {
  if (!document.hidden) {
    const answer = await fetch(location.href, { headers: { "X-Progress": "1" } }).catch(() => null);
    if (answer && answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      parts().forEach((part) => {
        const fresh = page.getElementById(part.id);
        if (!fresh) return;
        part.querySelectorAll("[data-inside]").forEach((inside) => {
          const newer = page.getElementById(inside.id);
          if (newer && newer.innerHTML !== inside.innerHTML) inside.replaceChildren(...newer.childNodes);
        });
        part.toggleAttribute("data-refresh", fresh.hasAttribute("data-refresh"));
      });
    }
  }
  if (parts().length) setTimeout(refresh, 3000);
}

if (parts().length) setTimeout(refresh, 3000);
