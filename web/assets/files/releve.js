// What pages do besides htmx. All of it is a comfort: without it they work.
(() => {
  // A link with a one-time code has it where no server sees it.
  const take = () => {
    const code = document.querySelector("input[data-from-fragment]");
    if (!code || location.hash.length < 2) return;
    code.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    document.querySelector("input[type=password]")?.focus();
  };
  take();
  addEventListener("hashchange", take);
  document.addEventListener("click", async e => {
    const button = e.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.textContent = button.dataset.done;
    } catch { /* it can be copied by hand */ }
  });
  // The tab that is shown is seen, where there isn't room for all.
  document.querySelector(".nav-tabs .active")?.scrollIntoView({ block: "nearest", inline: "center" });
  // Events that come while one looks are put before the first.
  const rows = document.querySelector("[data-live-rows]");
  if (rows) rows.addEventListener("htmx:sse:after:message", () => { while (rows.children.length > 200) rows.lastElementChild.remove(); });
})();
