/** @file Runs in the pages: draws a figure when it comes near the window; until then its static picture stands there. */
(() => {
  const base = document.currentScript.src;
  let plotly; // only pages with figures load it
  const load = () =>
    (plotly ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL("plotly.min.js", base);
      script.onload = () => resolve(window.Plotly);
      script.onerror = reject;
      document.head.append(script);
    }));
  const draw = async (holder) => {
    const { data, layout, config } = JSON.parse(holder.querySelector("script").textContent);
    const { width = holder.clientWidth, height = 450 } = layout;
    const Plotly = await load();
    const target = document.createElement("div");
    holder.querySelector("img")?.remove();
    holder.append(target);
    await Plotly.newPlot(target, data, { ...layout, width, height }, { ...config, displaylogo: false });
    // As drawn, only smaller where there is no room: text keeps its place.
    new ResizeObserver(() => {
      const scale = Math.min(1, holder.clientWidth / width);
      target.style.transform = `scale(${scale})`;
      holder.style.height = `${height * scale}px`;
    }).observe(holder);
  };
  addEventListener("DOMContentLoaded", () => {
    const near = new IntersectionObserver(
      (entries) =>
        entries
          .filter((entry) => entry.isIntersecting)
          .forEach(({ target }) => {
            near.unobserve(target);
            void draw(target);
          }),
      { rootMargin: "600px" },
    );
    document.querySelectorAll(".plotly-figure").forEach((holder) => near.observe(holder));
  });
})();
