// Runs before the first paint, so that nobody who chose dark sees a white flash. It is a classic script of its own file
// (not inline) because the server's content security policy allows no inline script. Keep it free of imports.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("mainspring.theme");
    } catch {
      // Storage may be switched off; then the system's choice holds.
    }
    const dark = chosen === "dark" || (chosen !== "light" && system.matches);
    root.dataset.theme = dark ? "dark" : "light";
  };
  apply();
  system.addEventListener("change", apply);
  // Another tab (or this page's own toggle, by hand) changed the choice.
  addEventListener("storage", apply);
})();
