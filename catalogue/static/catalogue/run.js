"use strict";

// Asks how far a run is until it is over, and loads the page anew then, because its list of files is complete.
(() => {
  const box = document.getElementById("run");
  if (!box?.dataset.state) return;
  const bar = document.getElementById("run-bar");
  const told = document.getElementById("run-told");
  const news = document.getElementById("run-news");
  let after = 0;
  let wait = 700;
  let done = null;

  const show = (state) => {
    document.getElementById("run-outcome").textContent = state.outcome;
    if (state.percent === null) bar.removeAttribute("value");
    else bar.value = state.percent;
    if (told.textContent !== state.told) told.textContent = state.told;
    for (const one of state.inputs) {
      const line = document.createElement("li");
      line.textContent = `${one.source}: ${one.message}`;
      news.append(line);
      after = one.pk + 1;
    }
    document.getElementById("run-problems").hidden = !news.children.length;
  };

  const ask = async () => {
    try {
      const answer = await fetch(`${box.dataset.state}?after=${after}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.status);
      const state = await answer.json();
      show(state);
      if (state.over) {
        location.reload();
        return;
      }
      // Seldom while nothing changes, often while it does.
      wait = state.done === done ? Math.min(wait * 1.5, 5000) : 700;
      done = state.done;
    } catch {
      wait = Math.min(wait * 2, 15000);
      told.textContent = "The site does not answer; asking again.";
    }
    setTimeout(ask, wait);
  };
  setTimeout(ask, wait);
})();
