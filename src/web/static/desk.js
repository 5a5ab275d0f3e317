// Keys, and the next message without a new page. Every page works without this.
"use strict";
(() => {
  const policy = window.trustedTypes?.createPolicy("page", { createHTML: (text) => text });
  const status = (text) => { document.getElementById("status").textContent = text; };
  // "release:r discard:d …"; empty where the reader has switched keys off.
  const keys = new Map((document.body.dataset.keys || "").split(" ").filter(Boolean)
    .map((pair) => [pair.slice(pair.indexOf(":") + 1), pair.slice(0, pair.indexOf(":"))]));
  // Without what was told there, which is told once.
  const lasting = (address) => { const place = new URL(address, location); place.searchParams.delete("told"); return place; };
  const path = (place) => place.pathname + place.search;
  const address = () => path(lasting(location));
  let shown = address();
  let busy = false;
  // What is on its way is the answer to a decision.
  let deciding = false;
  // The reader has gone back or on while a page was on its way.
  let moved = false;
  // The reader has decided while a page was on its way: what was meant is not known.
  let missed = false;
  // A page that takes longer than this is waited for in words, in milliseconds.
  const soon = 100;
  // The second tap of a double tap comes within this, in milliseconds.
  const twice = 400;
  // The last click on a verb was one of mouse, pen or finger, and no key's.
  let pointed = false;
  // Until then a tap was meant for the message before.
  let calm = 0;

  // The verbs can be seen to be off while a page is on its way, and still be asked for: that is told.
  function wait(isBusy) {
    busy = isBusy;
    document.getElementById("main").setAttribute("aria-busy", isBusy);
    for (const verb of document.querySelectorAll(".verbs button")) verb.setAttribute("aria-disabled", isBusy);
  }

  // Replaces what the page is about by that of another page of ours.
  async function visit(url, options, isNew) {
    if (busy) return;
    wait(true);
    deciding = Boolean(options.method);
    const isPointed = deciding && pointed;
    const late = setTimeout(() => status(document.body.dataset.busy), soon);
    try {
      const answer = await fetch(url, { credentials: "same-origin", ...options });
      const text = await answer.text();
      const page = new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");
      const fresh = page.getElementById("main");
      if (!fresh || new URL(answer.url).pathname === "/sign-in") {
        // A form that no page of ours has answered, by a proxy for instance: what became of it is not known.
        if (options.method && !answer.redirected) throw new Error(answer.status);
        location.assign(answer.url);
        return;
      }
      // No decision has come of it, as far as is known: what was typed stays, and so does the place.
      const notice = !answer.ok && options.method && fresh.querySelector(".notice");
      if (notice) {
        tell(notice.textContent.trim().replace(/\s+/g, " "));
        return;
      }
      const place = document.querySelector(".list")?.scrollTop;
      document.title = page.title;
      document.getElementById("main").replaceWith(document.adoptNode(fresh));
      if (isPointed) calm = performance.now() + twice;
      // A form that is answered by the page to which it leads. What was done is told once.
      const led = answer.headers.get("Content-Location");
      const isPage = !options.method || answer.redirected || led;
      const there = lasting(led || answer.url);
      if (isNew && isPage) history.pushState(null, "", there);
      // What is seen, and not where the reader may have gone meanwhile.
      if (isPage) shown = path(there);
      const list = document.querySelector(".list");
      if (list && place !== undefined) list.scrollTop = place;
      document.querySelector(".lines .here")?.scrollIntoView({ block: "nearest" });
      (document.getElementById("pane-heading") || fresh).focus({ preventScroll: true });
      // Another message is read from its beginning; a list to which the reader goes back, where it was left.
      if (isNew || document.getElementById("pane")) scrollTo(0, 0);
      status(document.querySelector(".told")?.textContent || "");
    } catch {
      missed = false;
      tell(document.body.dataset.failed);
    } finally {
      clearTimeout(late);
      wait(false);
      if (moved) {
        moved = false;
        follow();
      }
      if (missed && !busy) {
        missed = false;
        tell(document.body.dataset.missed);
      }
    }
  }

  // Tells a fault, to be seen and to be heard.
  function tell(text) {
    status(text);
    const pane = document.getElementById("pane") || document.getElementById("main");
    let fault = document.getElementById("fault");
    if (!fault) {
      fault = document.createElement("p");
      fault.id = "fault";
      fault.className = "fault";
      pane.prepend(fault);
    }
    fault.textContent = text;
    fault.scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    const lines = [...document.querySelectorAll(".lines li")];
    const at = lines.findIndex((line) => line.classList.contains("here"));
    const link = lines[at < 0 ? 0 : at + step]?.querySelector("a")
      || (step > 0 && document.querySelector(".pages a[rel=next]"));
    if (link) visit(link.href, {}, true);
  }

  const acts = {
    next: () => move(1),
    previous: () => move(-1),
    open: () => (document.getElementById("pane-heading") ? document.getElementById("pane-heading").focus() : move(1)),
    release: () => document.querySelector(".decide .release")?.click(),
    discard: () => document.querySelector(".decide .discard")?.click(),
    return: () => document.querySelector(".decide .return")?.click(),
    note: () => document.getElementById("note")?.focus(),
    search: () => document.getElementById("q")?.focus(),
    help: () => document.getElementById("keys-help")?.showModal(),
  };
  const always = new Map([["ArrowDown", "next"], ["ArrowUp", "previous"], ["Enter", "open"]]);
  const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    // 229: an input method is composing (UI Events, section 5.6.5).
    if (event.isComposing || event.keyCode === 229) return;
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    // Whatever has the focus: an open dialog covers what the keys would act on.
    if (document.querySelector("dialog[open]")) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = keys.size === 0 ? undefined : keys.get(event.key) || always.get(event.key);
    if (!act) return;
    // What has the focus is meant: a link, a button, a part that scrolls.
    if (always.has(event.key) && event.target.closest("a, button, summary, .raw, .scroll")) return;
    // A key that is held down moves on, and never decides twice.
    if (event.repeat && act !== "next" && act !== "previous") return;
    if (!document.querySelector(".desk") && act !== "help") return;
    event.preventDefault();
    acts[act]();
  });

  // The first click of two may have led to another message, which stands under the second one unread. A
  // mouse counts on, whatever is under it; a finger may begin anew; a key counts nothing.
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".verbs button")) return;
    pointed = event.detail > 0;
    if (event.detail > 1 || (pointed && event.timeStamp < calm)) event.preventDefault();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(".decide")) return;
    event.preventDefault();
    if (busy) {
      // Asked for once more, a decision that is on its way is none that was missed.
      missed ||= !deciding;
      return;
    }
    const body = new URLSearchParams(new FormData(form, event.submitter));
    visit(form.action, { method: "POST", body, headers: { "X-Mailhold-Script": "1" } }, true);
  });

  // A step within the page, as to its main part, is none to another.
  function follow() {
    if (busy) moved = true;
    else if (address() !== shown) visit(location.href, {}, false);
  }
  addEventListener("popstate", follow);
})();
