// Adds buttons that copy commands, and lets the commands of a file follow its region box.

function addCopyButtons(root) {
  if (!navigator.clipboard) return;
  for (const block of root.querySelectorAll("pre.copyable")) {
    const frame = document.createElement("div");
    frame.className = "with-copy";
    block.replaceWith(frame);
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${block.getAttribute("aria-label") ?? "command"}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    frame.append(block, button);
  }
}

function followRegion(form, commands) {
  const box = form.elements.namedItem("region");
  let timer, latest = 0;

  async function update() {
    const asked = ++latest;
    const address = new URL(location.href);
    address.hash = "";
    address.searchParams.set("region", box.value);
    const part = new URL(address);
    part.searchParams.set("part", "commands");
    const answer = await fetch(part);
    // An answer to an earlier text may come later.
    if (!answer.ok || asked !== latest) return;
    commands.innerHTML = await answer.text();
    addCopyButtons(commands);
    history.replaceState(null, "", address);
  }

  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, 250);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    update();
    document.dispatchEvent(new CustomEvent("region", { detail: box.value }));
  });
}

addCopyButtons(document);
const regionForm = document.getElementById("region-form");
if (regionForm) followRegion(regionForm, document.getElementById("commands"));
