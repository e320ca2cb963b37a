// duecourse: the one script. Everything works without it; it makes keys work, filters act at once, and typing safe.
"use strict";
(() => {
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const isTyping = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    document.querySelectorAll(".is-here").forEach((each) => each.classList.remove("is-here"));
    next.closest("li, tr").classList.add("is-here");
    next.focus();
    next.closest("li, tr").scrollIntoView({ block: "nearest" });
  };

  // On the line one is on: set aside, assign, move. The form opens at the field that the key is about.
  const CHANGES = { s: "snoozed_until", a: "assigned_to", m: "position" };
  const change = (event, name) => {
    const line = document.activeElement.closest("li.case") || document.querySelector("li.case.is-here");
    const form = line && line.querySelector("details.change");
    if (!form) return;
    event.preventDefault();
    form.open = true;
    form.querySelector(`[name="${name}"]`).focus();
  };

  // The keys, over the page one is on; without this the link leads to the same as a page.
  const help = async () => {
    const shown = document.querySelector("dialog[open]");
    if (shown) return shown.close();
    const page = new DOMParser().parseFromString(await (await fetch("/help")).text(), "text/html");
    const content = page.querySelector("[data-help]");
    if (!content) return location.assign("/help");
    const dialog = document.createElement("dialog");
    dialog.append(content);
    dialog.setAttribute("aria-label", content.querySelector("h1").textContent);
    const close = document.createElement("button");
    close.textContent = content.dataset.close;
    close.autofocus = true;
    close.addEventListener("click", () => dialog.close());
    dialog.append(close);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]") && !event.ctrlKey && !event.metaKey) { event.preventDefault(); help(); }
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && isTyping(event.target)) {
      const line = event.target.closest("li.case");
      return line ? line.querySelector("[data-row]").focus() : event.target.blur();
    }
    if (isTyping(event.target)) return;
    if (event.key === "j" || event.key === "k") { event.preventDefault(); step(event.key === "j" ? 1 : -1); }
    if (event.key in CHANGES) change(event, CHANGES[event.key]);
    if (event.key === "?") { event.preventDefault(); help(); }
    if (event.key === "/") {
      const search = document.querySelector("[data-search]");
      const list = document.querySelector('nav a[href="/today"]');
      if (search) { event.preventDefault(); search.focus(); search.select(); }
      else if (list) { event.preventDefault(); location.assign("/today#f-q"); }
    }
  });

  // A form that was sent is not sent twice by a second click; its key would keep it from acting twice anyway.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    const button = event.submitter || event.target.querySelector("button");
    if (button) setTimeout(() => { button.disabled = true; }, 0);
  });
  addEventListener("pageshow", () => document.querySelectorAll("button[disabled]").forEach((each) => { each.disabled = false; }));

  // What is being written is looked at after a pause, and what is to be said of it stands beside it.
  const looks = new WeakMap();
  const look = async (form) => {
    const mine = looks.get(form);
    try {
      const answer = await fetch(form.dataset.look, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!answer.ok) return;
      const part = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine === looks.get(form)) form.querySelector("[data-told]").replaceChildren(...part.body.childNodes);
    } catch { /* not reached just now: the button does the same */ }
  };
  const lookSoon = (form) => {
    clearTimeout(looks.get(form));
    looks.set(form, setTimeout(look, 500, form));
  };
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-look]");
    if (form) lookSoon(form);
  });
  document.addEventListener("click", (event) => {
    const to = event.target.closest("[data-line]");
    const text = to && to.closest("form").querySelector("textarea");
    if (!text) return;
    event.preventDefault();
    const lines = text.value.split("\n"), at = Number(to.dataset.line) - 1;
    const begin = lines.slice(0, at).join("\n").length + (at > 0 ? 1 : 0);
    text.focus();
    text.setSelectionRange(begin, begin + (lines[at] || "").length);
    text.scrollTop = Math.max(at - 4, 0) * parseFloat(getComputedStyle(text).lineHeight);
  });

  // A link that only changes one part of the page: the rest, and what is written in it, stays.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-replace]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const part = document.getElementById(link.dataset.replace);
    try {
      const answer = await fetch(link.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      part.replaceChildren(...page.getElementById(part.id).childNodes);
      history.replaceState(null, "", link.href);
      part.querySelector("a[aria-current]").focus();
      copiers();
    } catch { location.assign(link.href); }
  });

  // A button that works out one part of the page anew, from what stands in its form.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-replace]");
    if (!button) return;
    event.preventDefault();
    const part = document.getElementById(button.dataset.replace);
    try {
      const body = new URLSearchParams(new FormData(button.form, button));
      const answer = await fetch(button.formAction, { method: "POST", body });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      part.replaceChildren(...page.getElementById(part.id).childNodes);
      part.querySelector("button[data-replace]").focus();
      lookSoon(part.closest("form"));
    } catch { button.form.requestSubmit(button); }
  });

  // Texts can be copied where the browser lets us; what is printed is what was written last.
  function copiers() { document.querySelectorAll("[data-copy][hidden]").forEach((each) => { each.hidden = !navigator.clipboard; }); }
  copiers();
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy);
    try { await navigator.clipboard.writeText(text.value); } catch { text.focus(); text.select(); return; }
    button.textContent = `✓ ${button.textContent.replace(/^✓ /, "")}`;
  });
  addEventListener("beforeprint", () => document.querySelectorAll("[data-of]").forEach((each) => {
    each.textContent = document.getElementById(each.dataset.of).value;
  }));

  // Filters act as they are changed: the list is fetched and put in place, and the address tells of it.
  const filters = document.querySelector("[data-filters]");
  const list = document.querySelector("[data-swap]");
  if (filters && list) {
    let waiting = 0, asked = 0;
    const show = async () => {
      const chosen = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
      // a filter may be called "action", and would then stand for the address of the form
      const to = filters.getAttribute("action") + (chosen.size ? "?" + chosen : "");
      const mine = ++asked;
      list.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(to, { headers: { Accept: "text/html" } });
        if (!answer.ok || answer.redirected) return filters.submit();
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (mine !== asked) return;
        list.replaceChildren(...page.querySelector("[data-swap]").childNodes);
        history.replaceState(null, "", to);
        const all = filters.querySelector("[data-all]");
        if (all) all.hidden = !chosen.size;
      } catch { filters.submit(); } finally { if (mine === asked) list.removeAttribute("aria-busy"); }
    };
    filters.addEventListener("input", (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(show, event.target.type === "search" ? 200 : 0);
    });
    filters.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); show(); });
  }

  // What is still being worked out is looked for again, until it is there.
  const again = async () => {
    const here = document.querySelectorAll("[data-again]").length;
    if (!here) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("[data-swap]");
      const isNew = answer.ok && fresh && page.querySelectorAll("[data-again]").length < here;
      if (isNew && !list.contains(document.activeElement)) list.replaceChildren(...fresh.childNodes);
    } catch { /* the link beside it looks again */ }
    setTimeout(again, 2000);
  };
  if (list) setTimeout(again, 1000);
})();
