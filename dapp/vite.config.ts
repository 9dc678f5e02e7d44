import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** The build goes where the control plane serves it from, and where a wheel finds it. */
const BUILD = "../src/linkpool/api/static";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: BUILD,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: {
        // Libraries change seldom: a new build leaves them in browsers' caches.
        manualChunks: (id) =>
          /node_modules\/(react|react-dom|scheduler)\//.test(id)
            ? "react"
            : id.includes("/node_modules/")
              ? "libraries"
              : undefined,
      },
    },
  },
  // The Host stays the page's own: the control plane compares it with the Origin of a change.
  server: { port: 5173, proxy: { "/api": { target: process.env.LINKPOOL_URL ?? "http://127.0.0.1:8700", changeOrigin: false } } },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"] },
});
