import "@console/shared/theme.css";
import "./radio.css";
import { mount } from "svelte";
import { stationOf } from "./names";
import StationPage from "./station/StationPage.svelte";
import Stations from "./station/Stations.svelte";

const target = document.querySelector("#radio")!;
const name = stationOf(location.pathname);
if (name === null) mount(Stations, { target, props: { path: location.pathname } });
else mount(StationPage, { target, props: { name } });
