// The parts that pages are made of. Nothing here knows the console, so that
// another app can use it. Charts are in ./chart.
export * from "./controls";
export * from "./figure";
export * from "./load";
export * from "./loading";
export * from "./problem";
export * from "./route";
export * from "./shell";
export * from "./table";
export * from "./words";
