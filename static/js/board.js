// The board: a card is dragged to another step (which leads to the form of that move), and reached by arrow keys.
// Which moves there are is the server's word: a card's menu holds their links, and a drop follows one of them.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const shown = (element) => element.getClientRects().length > 0;
const board = document.querySelector("[data-board]");
const lanes = () => all("[data-lane]").filter(shown);
const wayTo = (card, lane) => card.querySelector(`a[data-to="${CSS.escape(lane.dataset.lane)}"]`);
const laneOf = (card) => card.closest("[data-lane]").dataset.lane;

// --- Drag, with the mouse or after a long touch ---

const FAR = 6; // pixels, from which on a press is a drag
const LONG = 350; // milliseconds, after which a touch lifts the card and no longer scrolls

let press = null;

function begin(event) {
  const card = event.target.closest?.("[data-card]");
  if (!card || event.button || event.target.closest("details, button, input")) return;
  if (!card.querySelector("[data-to], details")) return;
  press = { card, x: event.clientX, y: event.clientY, id: event.pointerId, ghost: null, over: null };
  if (event.pointerType !== "mouse") press.timer = setTimeout(() => press && lift(), LONG);
  press.byMouse = event.pointerType === "mouse";
}

function lift() {
  const { card } = press;
  const box = card.getBoundingClientRect();
  const ghost = card.cloneNode(true);
  for (const named of all("[id]", ghost)) named.removeAttribute("id");
  ghost.setAttribute("aria-hidden", "true");
  ghost.classList.add("lifted");
  Object.assign(ghost.style, { width: `${box.width}px`, left: `${box.left}px`, top: `${box.top}px` });
  document.body.append(ghost);
  Object.assign(press, { ghost, dx: press.x - box.left, dy: press.y - box.top });
  card.classList.add("left");
  document.documentElement.toggleAttribute("data-dragging", true);
  const here = laneOf(card);
  for (const lane of lanes()) {
    if (lane.dataset.lane === here) continue;
    lane.classList.add(wayTo(card, lane) ? "takes" : "refuses");
  }
}

function move(event) {
  if (!press || event.pointerId !== press.id) return;
  const far = Math.hypot(event.clientX - press.x, event.clientY - press.y) > FAR;
  if (!press.ghost) {
    if (!far) return;
    if (!press.byMouse) return drop();
    lift();
  }
  event.preventDefault();
  Object.assign(press.ghost.style, { left: `${event.clientX - press.dx}px`, top: `${event.clientY - press.dy}px` });
  mark(document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-lane]"));
  scrollAlong(event.clientX);
}

function mark(lane) {
  if (lane === press.over) return;
  press.over?.classList.remove("over");
  press.over = lane ?? null;
  if (lane?.classList.contains("takes")) lane.classList.add("over");
}

function scrollAlong(x) {
  const box = board.getBoundingClientRect();
  if (x > box.right - 48) board.scrollLeft += 16;
  if (x < box.left + 48) board.scrollLeft -= 16;
}

function finish(event) {
  if (!press || event.pointerId !== press.id) return;
  const { card, over, ghost } = press;
  drop();
  if (!ghost) return;
  swallowClick();
  if (!over || over.dataset.lane === laneOf(card)) return;
  const way = wayTo(card, over);
  if (way) return location.assign(way.href);
  const name = over.querySelector("h2")?.firstChild.textContent.trim() ?? over.firstChild.textContent.trim();
  const why = card.dataset.refuses ?? "From its step there is no such move.";
  const sentence = `${card.querySelector(".num").textContent} can't go to ${name}. ${why}`;
  document.dispatchEvent(new CustomEvent("desk:say", { detail: { sentence, kind: "error" } }));
}

// The press ends where it began for a browser that saw no scrolling: that is no click on the card's link.
function swallowClick() {
  const swallow = (event) => { event.preventDefault(); event.stopPropagation(); };
  addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", swallow, { capture: true }), 50);
}

function drop() {
  if (!press) return;
  clearTimeout(press.timer);
  press.ghost?.remove();
  press.card.classList.remove("left");
  document.documentElement.removeAttribute("data-dragging");
  for (const lane of all("[data-lane]")) lane.classList.remove("takes", "refuses", "over");
  press = null;
}

// --- Arrow keys: up and down within a lane, left and right to the next lane that has a card ---

function step(event) {
  const card = document.activeElement?.closest("[data-card]");
  if (!card || event.ctrlKey || event.metaKey || event.altKey || document.activeElement.closest("details[open]")) return;
  const lists = all("[data-rows]", board).filter(shown).map((list) => all("[data-card]", list));
  const column = lists.findIndex((list) => list.includes(card));
  const row = lists[column].indexOf(card);
  const next = {
    ArrowDown: () => lists[column][row + 1],
    ArrowUp: () => lists[column][row - 1],
    ArrowRight: () => lists[column + 1]?.[Math.min(row, lists[column + 1].length - 1)],
    ArrowLeft: () => lists[column - 1]?.[Math.min(row, lists[column - 1].length - 1)],
  }[event.key];
  if (!next) return;
  event.preventDefault();
  const to = next();
  to?.querySelector("[data-open]").focus();
  to?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

if (board) {
  if (board.querySelector("[data-card] details")) board.toggleAttribute("data-movable", true);
  board.addEventListener("pointerdown", begin);
  addEventListener("pointermove", move, { passive: false });
  addEventListener("pointerup", finish);
  addEventListener("pointercancel", drop);
  addEventListener("keydown", (event) => { if (press?.ghost && event.key === "Escape") drop(); });
  // While a card is lifted the page must not scroll away under the finger, nor open the menu of a long touch.
  addEventListener("touchmove", (event) => { if (press?.ghost) event.preventDefault(); }, { passive: false });
  board.addEventListener("contextmenu", (event) => { if (press && !press.byMouse) event.preventDefault(); });
  board.addEventListener("keydown", step);
}
