"use strict";

// Before anything is drawn, so that a dark page never flashes light.
const deskTheme = () => {
  try {
    return localStorage.getItem("desk-theme") || "auto";
  } catch {
    return "auto";
  }
};

const applyDeskTheme = () => {
  const chosen = deskTheme();
  const dark = chosen === "dark" || (chosen === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
};

applyDeskTheme();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", applyDeskTheme);
