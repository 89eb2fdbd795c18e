// Before anything is painted: dark, if that is what the system likes and nobody
// has chosen.
(() => {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const set = () => { root.dataset.bsTheme = dark.matches ? "dark" : "light"; };
  if (root.dataset.look === "auto") { set(); dark.addEventListener("change", set); }
})();
