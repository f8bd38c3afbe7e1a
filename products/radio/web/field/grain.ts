/**
 * A fine grain over the sky, painted once a size. Eight bits a colour cannot hold a light as faint as the aura: it
 * would show rings, and the grain hides them.
 */
import { randomFrom } from "../player/noise";

const TILE_PX = 192;
const STRENGTH = { dark: 6, light: 4 } as const;

export function paintGrain(canvas: HTMLCanvasElement, theme: "dark" | "light"): void {
  const g = canvas.getContext("2d");
  if (!g || canvas.width === 0 || canvas.height === 0) return;
  const tile = document.createElement("canvas");
  tile.width = tile.height = TILE_PX;
  const onTile = tile.getContext("2d")!;
  const image = onTile.createImageData(TILE_PX, TILE_PX);
  const random = randomFrom(1);
  for (let i = 0; i < image.data.length; i += 4) {
    const bright = random() < 0.5 ? 0 : 255;
    image.data.set([bright, bright, bright, random() * STRENGTH[theme]], i);
  }
  onTile.putImageData(image, 0, 0);
  g.clearRect(0, 0, canvas.width, canvas.height);
  g.fillStyle = g.createPattern(tile, "repeat")!;
  g.fillRect(0, 0, canvas.width, canvas.height);
}
