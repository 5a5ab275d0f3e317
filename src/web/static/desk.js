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
  // The second tap of a double tap comes within this, and the second press of a key that is hit twice.
  const twice = { tap: 400, key: 150 };
  // What is laid out has not been seen for so long: whatever is pressed then was meant for what was there before.
  const unseen = 100;
  // The last click on a verb: when it was, and whether it was one of mouse, pen or finger, and no key's.
  let last = { at: 0, isPointed: false };
  // Whatever was done before that time was meant for what was shown before.
  let calm = performance.now() + twice.tap;
  // An input method is composing.
  let composing = false;
  // What was told while the reader went back or on, and is to be told there.
  let owed = "";

  // The verbs can be seen to be off while a page is on its way, and until what is shown can have been seen.
  // They can still be asked for: that is told.
  function wait(isBusy) {
    busy = isBusy;
    const left = calm - performance.now();
    document.getElementById("main").setAttribute("aria-busy", isBusy);
    for (const verb of document.querySelectorAll(".verbs button")) verb.setAttribute("aria-disabled", isBusy || left > 0);
    if (!isBusy && left > 0) setTimeout(() => busy || wait(false), left);
  }

  const isTyping = (target) => target?.closest?.("input, textarea, select, [contenteditable]");
  const note = () => document.getElementById("note");

  // What stands in the fields, by their IDs.
  const fields = () => new Map([...document.querySelectorAll("#main [id]")].filter(isTyping).map(({ id, value }) => [id, value]));

  // Puts a page into the place of what is shown. What the reader has begun to type meanwhile goes on there.
  async function place(fresh, before) {
    // Composing ends with the field.
    if (composing) await new Promise((done) => { document.addEventListener("compositionend", done, { once: true }); });
    const field = document.activeElement;
    const { id, value, selectionStart, selectionEnd } = field;
    const was = before.values.get(id) || "";
    const isBegun = isTyping(field) && (field !== before.field || value !== was);
    document.getElementById("main").replaceWith(document.adoptNode(fresh));
    const next = isBegun && id && document.getElementById(id);
    if (!next) return false;
    next.focus();
    // The note and the reason that were there before belong to the message that was shown.
    const isOfMessage = field.closest(".decide");
    if (isOfMessage && value === was) return true;
    const cut = isOfMessage && next.setSelectionRange && value.startsWith(was) ? was.length : 0;
    next.value = value.slice(cut);
    next.setSelectionRange?.(Math.max(0, selectionStart - cut), Math.max(0, selectionEnd - cut));
    return true;
  }

  // Replaces what the page is about by that of another page of ours.
  async function visit(url, options, isNew) {
    if (busy) return;
    wait(true);
    deciding = Boolean(options.method);
    const before = { field: document.activeElement, values: fields() };
    const { at, isPointed } = last;
    const written = deciding ? note()?.value.trim() : "";
    const late = setTimeout(() => status(document.body.dataset.busy), soon);
    try {
      const answer = await fetch(url, { credentials: "same-origin", ...options });
      const text = await answer.text();
      const page = new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");
      const fresh = page.getElementById("main");
      if (!fresh || new URL(answer.url).pathname === "/sign-in") {
        // A form that no page of ours has answered, by a proxy for instance: what became of it is not known.
        if (options.method && !answer.redirected) throw new Error(answer.status);
        // A note stays, to be copied, where it would be lost on the way to the sign-in.
        if (written && fresh) tell(document.body.dataset.lapsed);
        else location.assign(answer.url);
        return;
      }
      // No decision has come of it, as far as is known: what was typed stays, and so does the place.
      const notice = !answer.ok && options.method && fresh.querySelector(".notice");
      if (notice) {
        tell(notice.textContent.trim().replace(/\s+/g, " "));
        return;
      }
      const scrolled = document.querySelector(".list")?.scrollTop;
      document.title = page.title;
      const isFocused = await place(fresh, before);
      // A form that is answered by the page to which it leads. What was done is told once.
      const led = answer.headers.get("Content-Location");
      const isPage = !options.method || answer.redirected || led;
      const there = lasting(led || answer.url);
      if (isNew && isPage) history.pushState(null, "", there);
      // What is seen, and not where the reader may have gone meanwhile.
      if (isPage) shown = path(there);
      const list = document.querySelector(".list");
      if (list && scrolled !== undefined) list.scrollTop = scrolled;
      document.querySelector(".lines .here")?.scrollIntoView({ block: "nearest" });
      if (!isFocused) (document.getElementById("pane-heading") || fresh).focus({ preventScroll: true });
      // Another message is read from its beginning; a list to which the reader goes back, where it was left.
      if (isNew || document.getElementById("pane")) scrollTo(0, 0);
      status(document.querySelector(".told")?.textContent || "");
      // Laid out by now, however long that took.
      const laidOut = performance.now();
      calm = deciding && isPointed ? laidOut + twice.tap : Math.max(laidOut + unseen, at + twice.key);
      if (!answer.ok && deciding) refused(written);
    } catch {
      missed = false;
      tell(document.body.dataset.failed);
    } finally {
      clearTimeout(late);
      wait(false);
      if (moved) {
        moved = false;
        follow();
        // Nothing has taken its place.
        if (!busy) owed = "";
      } else if (owed) {
        tell(owed);
        owed = "";
      }
      if (missed && !busy) {
        missed = false;
        tell(document.body.dataset.missed);
      }
    }
  }

  // The page of a message answers that it was not decided so. A note has no other place then.
  function refused(written) {
    if (moved) owed = document.querySelector(".told")?.textContent || "";
    if (!written) return;
    if (note()) note().value ||= written;
    else tell(document.body.dataset.unkept + " " + written);
  }

  // A decision that does not count is told, when what is decided on is there.
  function miss() {
    // Asked for once more, a decision that is on its way is none that was missed.
    if (busy) missed ||= !deciding;
    else if (document.querySelector(".decide")) tell(document.body.dataset.missed);
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
    if (moved) owed = text;
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
  const verbs = ["release", "discard", "return"];

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
    // The first of two presses may have led to another message, which nobody has read yet.
    if (verbs.includes(act) && event.timeStamp < calm) miss();
    else acts[act]();
  });

  // The same of clicks. A mouse counts on, whatever is under it; a finger may begin anew.
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".verbs button")) return;
    if (event.detail > 1 || event.timeStamp < calm) {
      event.preventDefault();
      miss();
      return;
    }
    last = { at: event.timeStamp, isPointed: event.detail > 0 };
  });

  document.addEventListener("compositionstart", () => { composing = true; });
  document.addEventListener("compositionend", () => { composing = false; }, true);

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches(".decide")) return;
    event.preventDefault();
    if (busy) {
      miss();
      return;
    }
    const body = new URLSearchParams(new FormData(form, event.submitter));
    // It arrives even if the reader goes elsewhere meanwhile.
    visit(form.action, { method: "POST", body, headers: { "X-Mailhold-Script": "1" }, keepalive: true }, true);
  });

  // A step within the page, as to its main part, is none to another.
  function follow() {
    if (busy) moved = true;
    else if (address() !== shown) visit(location.href, {}, false);
  }
  addEventListener("popstate", follow);
  wait(false);
})();
