"use strict";

// Sends the chosen file of a form in parts. What arrived of it is kept by the site, so that the same file goes on where
// it was when the connection, the browser or the machine stopped.
(() => {
  const box = document.querySelector("[data-uploads]");
  if (!box) return;
  const field = box.querySelector("input[type=file]");
  // Otherwise django-unfold writes the name of the file into the first text field of the form.
  field.hasChangeListener = true;
  const bar = box.querySelector("progress");
  const told = box.querySelector("[role=status]");
  const result = document.querySelector(`[name="${box.dataset.into}"]`);
  const form = result.form;
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const cancel = box.querySelector("[data-cancel]");
  let running = null;

  const mega = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
  const nameOf = (file) => `desk-upload ${file.name} ${file.size} ${file.lastModified}`;

  const ask = async (url, options = {}) => {
    const answer = await fetch(url, { ...options, headers: { "X-CSRFToken": token } });
    const state = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(state.error || `The site answered ${answer.status}.`), { status: answer.status });
    return state;
  };

  // The earlier upload of the same file if the site still has it, else a new one.
  const begin = async (file) => {
    const known = localStorage.getItem(nameOf(file));
    if (known) {
      try {
        return await ask(`${box.dataset.uploads}${known}`);
      } catch {
        localStorage.removeItem(nameOf(file));
      }
    }
    const body = JSON.stringify({ name: file.name, size: file.size });
    const state = await ask(box.dataset.uploads, { method: "POST", body });
    localStorage.setItem(nameOf(file), state.id);
    return state;
  };

  const send = async (file, mine) => {
    let state = await begin(file);
    let trouble = 0;
    while (!state.finished && running === mine) {
      bar.value = (100 * state.received) / state.size;
      told.textContent = `${mega(state.received)} of ${mega(state.size)}`;
      const part = file.slice(state.received, state.received + state.part);
      try {
        const url = `${box.dataset.uploads}${state.id}?offset=${state.received}`;
        state = await ask(url, { method: "PUT", body: part });
        trouble = 0;
      } catch (error) {
        if ((error.status && error.status < 500) || trouble >= 8) throw error;
        told.textContent = `${error.message} Trying again.`;
        trouble += 1;
        await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** trouble));
        state = await ask(`${box.dataset.uploads}${state.id}`).catch(() => state);
      }
    }
    return state;
  };

  const take = async () => {
    const file = field.files[0];
    if (!file) return;
    const mine = {};
    running = mine;
    bar.hidden = false;
    cancel.hidden = false;
    try {
      const state = await send(file, mine);
      if (running !== mine) return;
      bar.value = 100;
      told.textContent = `${file.name} is here, ${mega(state.size)}.`;
      result.value = state.id;
      localStorage.removeItem(nameOf(file));
    } catch (error) {
      told.textContent = error.message;
    }
    cancel.hidden = true;
  };

  field.addEventListener("change", take);
  // A file may have been chosen before this ran, and browsers keep one when a page is loaded again.
  take();

  cancel.addEventListener("click", async () => {
    running = null;
    const known = field.files[0] && localStorage.getItem(nameOf(field.files[0]));
    if (known) {
      await ask(`${box.dataset.uploads}${known}`, { method: "DELETE" }).catch(() => {});
      localStorage.removeItem(nameOf(field.files[0]));
    }
    told.textContent = "Cancelled.";
    bar.hidden = cancel.hidden = true;
    field.value = "";
  });

  form.addEventListener("submit", (event) => {
    if (field.files.length && !result.value) {
      event.preventDefault();
      delete form.dataset.sent;
      told.textContent = "Wait until the file is here.";
    }
  });
})();
