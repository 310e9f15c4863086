// Keeps a page fresh: when the server tells of a change, the page is read again and its <main> is
// replaced. What was opened stays open, what had the focus keeps it. Without this script the page
// is the same, as it was when it was read.
"use strict";
(() => {
  const PAUSE_MS = 400; // however much happens, a page is not read more often
  const main = () => document.getElementById("main");
  const live = document.getElementById("live");
  const address = main() && main().dataset.events;
  if (!address || !live || !window.EventSource) return;

  let source = null, reading = false, again = false;
  const say = (word) => { if (live.textContent !== word) live.textContent = word; };

  const where = (element) => {
    const way = [];
    for (let at = element; at && at !== main(); at = at.parentElement) {
      if (at.id) { way.unshift("#" + CSS.escape(at.id)); return way.join(" > "); }
      way.unshift(`${at.tagName.toLowerCase()}:nth-child(${[...at.parentElement.children].indexOf(at) + 1})`);
    }
    return "#main > " + way.join(" > ");
  };

  const replace = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const next = fresh.getElementById("main");
    if (!next) return;
    const old = main();
    for (const each of old.querySelectorAll("details[open][id]")) {
      const same = next.querySelector("#" + CSS.escape(each.id));
      if (same) same.open = true;
    }
    const active = old.contains(document.activeElement) ? document.activeElement : null;
    const form = active && active.closest("#main > form");
    const isForm = (part) => part.tagName === "FORM" && part.id === form.id;
    const typing = form && [...next.children].some(isForm);
    const way = active ? where(active) : "";
    const canvas = old.querySelector(".canvas");
    const scrolled = canvas ? [canvas.scrollLeft, canvas.scrollTop] : null;
    if (typing) {
      // The parts around the form are replaced one by one, so that the cursor stays in it.
      for (const part of [...old.children]) if (part !== form) part.remove();
      let behind = false;
      for (const part of [...next.children]) {
        if (isForm(part)) { behind = true; continue; }
        if (behind) old.append(part); else old.insertBefore(part, form);
      }
    } else {
      old.replaceWith(next);
      const found = way && document.querySelector(way);
      if (found) found.focus({ preventScroll: true });
    }
    const now = main().querySelector(".canvas");
    if (now && scrolled) [now.scrollLeft, now.scrollTop] = scrolled;
    document.title = fresh.title;
  };

  const read = async () => {
    if (reading) { again = true; return; }
    reading = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.ok) replace(await answer.text());
    } catch { say("not connected"); }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
    reading = false;
    if (again) { again = false; read(); }
  };

  const told = () => {
    say("live");
    read(); // the first time as well: something may have changed since the page was made
  };

  const open = () => {
    if (source) return;
    source = new EventSource(address);
    source.addEventListener("execution", told);
    source.addEventListener("changed", told);
    source.onerror = () => say(source && source.readyState === 2 ? "not live" : "not connected");
  };
  const close = () => { if (source) { source.close(); source = null; } };

  // A page that nobody sees keeps no connection; a browser has few of them for one server.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", () => { if (!document.hidden) open(); });
  open();

  // A link from the graph to a step opens it.
  const unfold = () => {
    const step = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (step && step.tagName === "DETAILS") step.open = true;
  };
  window.addEventListener("hashchange", unfold);
  unfold();
})();
