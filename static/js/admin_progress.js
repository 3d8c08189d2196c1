// Pages of long work in Django admin: parts marked data-refresh are fetched anew until the work is done. What is typed
// elsewhere on the page stays. Without JavaScript there is a link to look again.
const parts = () => document.querySelectorAll("[data-refresh][id]");

async function refresh() {
  if (!document.hidden) {
    const answer = await fetch(location.href, { headers: { "X-Progress": "1" } }).catch(() => null);
    if (answer && answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      parts().forEach((part) => {
        const fresh = page.getElementById(part.id);
        if (fresh) part.replaceWith(document.adoptNode(fresh));
      });
    }
  }
  if (parts().length) setTimeout(refresh, 3000);
}

if (parts().length) setTimeout(refresh, 3000);
