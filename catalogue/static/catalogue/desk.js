"use strict";

// What the templates of django-unfold and of the desk expect of the page's body. Expressions in attributes are read by
// Alpine's parser for a strict Content-Security-Policy, which sees no globals: hence `window` here.
document.addEventListener("alpine:init", () => {
  Alpine.data("desk", () => ({
    activeTab: document.body.dataset.firstTab || "",
    filterOpen: false,
    openModal: false,
    menuOpen: false,
    theme: deskTheme(),
    window: { location: { pathname: location.pathname, search: location.search } },
    init() {
      const tab = location.hash.slice(1);
      if (tab && document.getElementById(`${tab}-group`)) this.activeTab = tab;
    },
    chooseTheme(name) {
      this.theme = name;
      localStorage.setItem("desk-theme", name);
      applyDeskTheme();
    },
  }));
});

// The box that filters a list is a dialog for the keyboard: focus moves in when it opens.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (!opener) return;
  requestAnimationFrame(() => {
    const box = document.getElementById(opener.dataset.opens);
    box?.querySelector("a, button, input, select")?.focus();
  });
});

// A form with data-once is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) delete form.dataset.sent;
});

// Boxes with data-all tick every other box of their form of that name.
document.addEventListener("change", (event) => {
  const all = event.target;
  if (!all.matches("[data-all]")) return;
  for (const box of all.form.querySelectorAll(`input[name="${all.dataset.all}"]`)) box.checked = all.checked;
});

// A field with data-shown-by is visible while the control of that name has one of the values in data-shown-for.
const showDependents = () => {
  for (const part of document.querySelectorAll("[data-shown-by]")) {
    const chosen = document.querySelector(
      `[name="${part.dataset.shownBy}"]:checked, select[name="${part.dataset.shownBy}"]`,
    );
    part.hidden = !part.dataset.shownFor.split(" ").includes(chosen?.value ?? "");
  }
};
document.addEventListener("change", showDependents);
document.addEventListener("DOMContentLoaded", showDependents);

// Fields in the cells of a table have no label, and those of autocomplete are made by select2 without one.
document.addEventListener("DOMContentLoaded", () => {
  const label = (field) =>
    field.labels?.[0]?.textContent.trim() ||
    field.closest("td")?.dataset.label ||
    field.getAttribute("aria-label") ||
    field.name.replaceAll(/[-_\d]+/g, " ").trim();
  const name = () => {
    for (const field of document.querySelectorAll("td :is(input, select, textarea):not([type=hidden], [aria-label])")) {
      if (!field.labels?.length) field.setAttribute("aria-label", label(field));
    }
    for (const box of document.querySelectorAll(".select2-container:not([data-named])")) {
      const select = box.previousElementSibling;
      if (!select?.matches("select")) continue;
      box.dataset.named = "yes";
      const parts = ".select2-selection[role=combobox], .select2-selection__rendered[role=textbox]";
      for (const part of box.querySelectorAll(parts)) {
        part.setAttribute("aria-label", label(select));
        part.removeAttribute("aria-labelledby");
      }
    }
    for (const field of document.querySelectorAll(".select2-search__field:not([aria-label])")) {
      field.setAttribute("aria-label", "Search");
    }
  };
  name();
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
});

// A choice in a part with data-refresh shows at once what would happen.
document.addEventListener("change", (event) => {
  const part = event.target.closest("[data-refresh]");
  if (!part || event.target.type === "text") return;
  event.target.form.requestSubmit(part.querySelector("[data-refresh-button]"));
});
