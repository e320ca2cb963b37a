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
    close.textContent = "Esc";
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
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
  });

  // A form that was sent is not sent twice by a second click; its key would keep it from acting twice anyway.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    const button = event.submitter || event.target.querySelector("button");
    if (button) setTimeout(() => { button.disabled = true; }, 0);
  });
  addEventListener("pageshow", () => document.querySelectorAll("button[disabled]").forEach((each) => { each.disabled = false; }));

  // Filters act as they are changed: the list is fetched and put in place, and the address tells of it.
  const filters = document.querySelector("[data-filters]");
  const list = document.querySelector("[data-swap]");
  if (filters && list) {
    let waiting = 0, asked = 0;
    const show = async () => {
      const chosen = new URLSearchParams([...new FormData(filters)].filter(([, value]) => value));
      const to = filters.action + (chosen.size ? "?" + chosen : "");
      const mine = ++asked;
      list.setAttribute("aria-busy", "true");
      try {
        const answer = await fetch(to, { headers: { Accept: "text/html" } });
        if (!answer.ok || answer.redirected) return filters.submit();
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (mine !== asked) return;
        list.replaceChildren(...page.querySelector("[data-swap]").childNodes);
        history.replaceState(null, "", to);
      } catch { filters.submit(); } finally { if (mine === asked) list.removeAttribute("aria-busy"); }
    };
    filters.addEventListener("input", (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(show, event.target.type === "search" ? 200 : 0);
    });
    filters.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); show(); });
  }
})();
