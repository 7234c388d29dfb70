// Two maps of a scene under one another, parted by a divider. Without this, they lie side by side.
for (const box of document.querySelectorAll("[data-compare]")) {
  const maps = box.closest(".scene").querySelectorAll(".panels img");
  const stage = box.querySelector(".stage");
  const [left, right] = box.querySelectorAll("select");
  const slide = box.querySelector("input");
  const under = new Image();
  const over = new Image();
  over.className = "over";
  stage.prepend(under, over);

  const show = () => {
    for (const [picture, choice, tag] of [[over, left, ".left"], [under, right, ".right"]]) {
      const map = maps[Number(choice.value)];
      picture.src = map.src;
      picture.alt = map.alt;
      stage.querySelector(`.tag${tag}`).textContent = map.dataset.title;
    }
  };
  const cut = () => {
    stage.style.setProperty("--cut", `${slide.value}%`);
    slide.setAttribute("aria-valuetext", `${slide.value} % from the left`);
  };
  const follow = (event) => {
    if (event.type === "pointermove" && event.buttons !== 1) return;
    const { left: start, width } = stage.getBoundingClientRect();
    slide.value = String(Math.round((100 * (event.clientX - start)) / width));
    cut();
  };
  left.addEventListener("change", show);
  right.addEventListener("change", show);
  slide.addEventListener("input", cut);
  stage.addEventListener("pointerdown", follow);
  stage.addEventListener("pointermove", follow);
  show();
  cut();
  box.hidden = false;
}
