// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TileMap.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"

#include <algorithm>

using namespace llvm;
using namespace fovea::run;

TileMap::TileMap(int64_t rows, int64_t keys, int64_t rowStep, int64_t keyStep, Classify classify)
    : rows(rows), keys(keys), rowStep(rowStep), keyStep(keyStep), lines((rows + rowStep - 1) / rowStep),
      columns((keys + keyStep - 1) / keyStep) {
  kinds.reserve(size_t(lines * columns));
  for (int64_t row = 0; row < rows; row += rowStep)
    for (int64_t key = 0; key < keys; key += keyStep) {
      kinds.push_back(classify(row, std::min(row + rowStep, rows), key, std::min(key + keyStep, keys)));
      ++counts[size_t(kinds.back())];
    }
}

void fovea::run::printTerminal(const TileMap &map, raw_ostream &os) {
  constexpr const char *kSymbols[] = {"·", "▒", "█"};
  for (int64_t line = 0; line < map.lines; ++line) {
    os << format("%8lld ", (long long)(line * map.rowStep));
    for (int64_t column = 0; column < map.columns; ++column)
      os << kSymbols[size_t(map.at(line, column))];
    os << '\n';
  }
}

namespace {

constexpr const char *kColours[] = {"#eceff1", "#ffb74d", "#1565c0"}; // readable without telling red from green
constexpr const char *kNames[] = {"EMPTY: never loaded", "PARTIAL: the mask's code runs", "FULL: computed as it is"};
constexpr double kSide = 640, kMargin = 48, kLegend = 84;

class SvgPicture {
public:
  SvgPicture(const TileMap &map, raw_ostream &os)
      : map(map), os(os), scale(kSide / double(std::max<int64_t>({map.keys, map.rows, 1}))) {}

  double x(int64_t key) const { return kMargin + double(key) * scale; }
  double y(int64_t row) const { return kMargin + double(row) * scale; }

  void open(StringRef title) {
    double width = std::max(x(map.keys), 420.0) + kMargin, height = y(map.rows) + kLegend;
    os << format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
                 "font-family=\"sans-serif\" font-size=\"13\">\n",
                 width, height, width, height);
    os << format("<rect width=\"%.0f\" height=\"%.0f\" fill=\"white\"/>\n", width, height);
    text(kMargin, 18, title);
    text(kMargin, 38,
         "keys 0 to " + std::to_string(map.keys) + ", rows 0 to " + std::to_string(map.rows) + " downwards");
  }

  /// Neighbours of one kind become one rectangle.
  void tiles() {
    for (int64_t line = 0; line < map.lines; ++line)
      for (int64_t from = 0, to = 0; from < map.columns; from = to) {
        while (to < map.columns && map.at(line, to) == map.at(line, from))
          ++to;
        int64_t row = line * map.rowStep, rowEnd = std::min(row + map.rowStep, map.rows);
        int64_t keyEnd = std::min(to * map.keyStep, map.keys);
        rectangle(from * map.keyStep, row, keyEnd, rowEnd, kColours[size_t(map.at(line, from))], "");
      }
  }

  void tasks(ArrayRef<fovea_task> tasks, int64_t queryTile) {
    for (const fovea_task &task : tasks) {
      if (task.index[0] != 0 || task.index[1] != 0 || task.begin >= task.end)
        continue;
      int64_t row = task.index[2] * queryTile;
      rectangle(task.begin, row, task.end, std::min(row + queryTile, map.rows), "none",
                " stroke=\"#37474f\" stroke-width=\"0.7\"");
    }
  }

  void close() {
    double left = kMargin;
    for (int kind : {0, 1, 2}) {
      double top = y(map.rows) + 12 + 20 * kind;
      os << format("<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"14\" fill=\"%s\"/>\n", left, top, kColours[kind]);
      int64_t count = map.count(TileKind(kind));
      text(left + 22, top + 12,
           std::string(kNames[kind]) + " (" + std::to_string(count) + " of " + std::to_string(map.size()) + ")");
    }
    os << "</svg>\n";
  }

private:
  void rectangle(int64_t key, int64_t row, int64_t keyEnd, int64_t rowEnd, const char *fill, const char *more) {
    os << format("<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"%s\"%s/>\n", x(key), y(row),
                 x(keyEnd) - x(key), y(rowEnd) - y(row), fill, more);
  }

  void text(double left, double baseline, StringRef content) {
    os << format("<text x=\"%.1f\" y=\"%.1f\">", left, baseline);
    printHTMLEscaped(content, os);
    os << "</text>\n";
  }

  const TileMap &map;
  raw_ostream &os;
  double scale;
};

} // namespace

void fovea::run::printSvg(const TileMap &map, ArrayRef<fovea_task> tasks, int64_t queryTile, StringRef title,
                          raw_ostream &os) {
  SvgPicture picture(map, os);
  picture.open(title);
  picture.tiles();
  picture.tasks(tasks, queryTile);
  picture.close();
}
