# syntax=docker/dockerfile:1
# One image for `sluice server` and `sluice worker`. Postgres and Temporal run elsewhere: see docker-compose.yml.

FROM node:20 AS build
WORKDIR /app
COPY . .
# `prepare` compiles and bundles the workflows.
RUN npm ci

FROM node:20 AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:20
ENV NODE_ENV=production
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY schema schema
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 4400
ENTRYPOINT ["node", "/app/dist/src/cli/main.js", "--data-dir", "/data"]
CMD ["server", "--host", "0.0.0.0"]
