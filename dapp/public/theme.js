// Before the first paint, so that nobody who chose dark sees white: the theme chosen here, else the system's.
(function () {
  try {
    var chosen = localStorage.getItem("linkpool.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (refused) {
    // Storage may be closed to us; the system's theme it is.
  }
})();
