import { defineConfig } from 'vite'

// One file, a classic script: `document.currentScript` tells it where its server is.
export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2022',
    sourcemap: false,
    reportCompressedSize: true,
    lib: { entry: 'src/main.ts', name: 'CallweaveWidget', formats: ['iife'], fileName: () => 'widget.js' },
  },
  define: { 'process.env.NODE_ENV': '"production"' },
})
